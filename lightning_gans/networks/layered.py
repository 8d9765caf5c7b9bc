"""Patch discriminators that also return the features of their layers, at one or several scales; feature matching."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor

from lightning_gans.networks.base import PatchDiscriminator


class PatchJudgment(NamedTuple):
    """What a patch discriminator computes at one scale of the images.

    Attributes:
        logits: (N, 1, h, w), high for real images.
        features: feature maps (N, C, h, w) of the layers below the logits, the first one next to the image.
    """

    logits: Tensor
    features: list[Tensor]


class LayeredPatchDiscriminator(PatchDiscriminator):
    """Base class of patch discriminators whose features of two images can be compared, as in feature matching.

    Args:
        channels: channels of the input, an image or two concatenated images.

    Raises:
        ValueError: if an argument is less than 1.
    """

    @abstractmethod
    def judge(self, images: Tensor) -> list[PatchJudgment]:
        """Return logits and features of ``images`` (N, channels, H, W) at each scale, that of the images first."""

    @overload
    def forward(self, images: Tensor, judge: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, judge: Literal[True]) -> list[PatchJudgment]: ...

    def forward(self, images: Tensor, judge: bool = False) -> Tensor | list[PatchJudgment]:
        """Return logits, high for real images, or what :meth:`judge` returns.

        Args:
            images: (N, channels, H, W) in [-1, 1].
            judge: whether to return logits and features by scale; it is an argument, since a compiled network is
                compiled for each of its values.

        Returns:
            Logits (N, 1, h, w) of a discriminator of one scale, or (N, K) of all patches of all scales.
        """
        scales = self.judge(images)
        if judge:
            return scales
        if len(scales) == 1:
            return scales[0].logits
        return torch.cat([scale.logits.flatten(1) for scale in scales], dim=1)


def judge_patches(discriminator: PatchDiscriminator, images: Tensor) -> list[PatchJudgment]:
    """Return logits and features of images by scale; a discriminator that returns logits alone has no features.

    Args:
        discriminator: the network.
        images: (N, channels, H, W) in [-1, 1].
    """
    if isinstance(discriminator, LayeredPatchDiscriminator):
        found: list[PatchJudgment] = discriminator(images, judge=True)
        return found
    return [PatchJudgment(discriminator(images), [])]


def feature_distance(found: list[PatchJudgment], wanted: list[PatchJudgment]) -> Tensor:
    r"""Return how far the features of two batches of images are apart, a scalar (Wang et al., 2018, eq. 4).

    :math:`\sum_i \mathrm{mean} |D^{(i)}(s, x) - D^{(i)}(s, G(s))|` over the layers below the logits, of which the mean
    over scales is taken. That is the loss of the authors' code for three layers of stride 2, where the factor of a
    layer is 4 divided by the number of layers; the paper adds the scales up.

    Args:
        found: what the discriminator computes for images.
        wanted: what it computes for the images that they should equal.
    """
    scales = [
        torch.stack([(a.float() - b.float()).abs().mean() for a, b in zip(one.features, other.features, strict=True)])
        for one, other in zip(found, wanted, strict=True)
    ]
    return torch.stack([layers.sum() for layers in scales]).mean()
