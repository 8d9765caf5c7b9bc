"""Discriminators that compute their logits from features, which a head of an auxiliary loss may use too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, overload

import torch
from torch import Tensor, nn

from lightning_gans.components.auxiliary import Judgment
from lightning_gans.core.images import Size
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.blocks import weighted_blocks
from lightning_gans.networks.labels import project_labels
from lightning_gans.networks.layers import stored_weight


class FeatureDiscriminator(Discriminator, ABC):
    r"""Base class of discriminators of two parts: from the image to features, and from these to the logit.

    The default methods are those of a network whose ``layers`` end with the layer that computes the logit from the
    features, and with ``1 + num_classes`` outputs if it projects labels. Other networks override them.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        num_classes: number of classes of the data; unused if the network is not conditional.
        conditional: whether the network uses labels.

    Attributes:
        head: a further network on the features, of an auxiliary loss; None if there is none.
        classifies: whether a conditional network ignores labels, and classifies: its logit is
            :math:`\log \sum_k \exp l_k` of its logits with each label k (Salimans et al., 2016, section 5), which
            are those of a classifier.
        features_use_labels: whether the features of a conditional network depend on the label, from which a head could
            then read it.

    Raises:
        ValueError: if an argument is out of range, or a conditional network is built for data without classes.
    """

    layers: nn.Sequential
    features_use_labels: ClassVar[bool] = False

    @abstractmethod  # a network states its layers
    def __init__(self, channels: int, size: Size, num_classes: int | None = None, conditional: bool = False) -> None:
        super().__init__(channels, size, num_classes, conditional)
        self.head: nn.Module | None = None
        self.classifies = False

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.layers[-1]

    @property
    def num_features(self) -> int:
        """The length of the features of an image."""
        return stored_weight(self.last_layer)[0].numel()

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the input of the last layer, features (N, F) or maps (N, C, h, w).

        Args:
            images: (N, channels, height, width) in [-1, 1].
            labels: (N,) int64; used only if :attr:`features_use_labels` is true.
        """
        maps = images
        for layer in list(self.layers)[:-1]:
            maps = layer(maps)
        return maps

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,) of the images with these features; see :meth:`feature_maps`."""
        outputs: Tensor = self.last_layer(maps).flatten(1)
        return project_labels(outputs, labels, self.num_classes) if self.num_classes else outputs[:, 0]

    def class_logits(self, maps: Tensor) -> Tensor:
        """Return the logits (N, num_classes) of images with each label, of a network that projects labels.

        Args:
            maps: their features; see :meth:`feature_maps`.
        """
        labels = torch.arange(self.num_classes, device=maps.device).repeat(len(maps))
        return self.logits_of(maps.repeat_interleave(self.num_classes, dim=0), labels).view(-1, self.num_classes)

    @overload
    def forward(self, images: Tensor, labels: Tensor | None = None, judge: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, labels: Tensor | None = None, *, judge: Literal[True]) -> Judgment: ...

    def forward(self, images: Tensor, labels: Tensor | None = None, judge: bool = False) -> Tensor | Judgment:
        """Return logits (N,), high for real images; see :meth:`.Discriminator.forward`.

        Args:
            images: (N, channels, height, width) in [-1, 1].
            labels: (N,) int64; ignored if the network is not conditional, or classifies.
            judge: whether to return what the head computes, too, or the logits of the classes if the network
                classifies; it is an argument, since a compiled network is compiled for each of its values.
        """
        maps = self.feature_maps(images, labels)
        if self.classifies:
            class_logits = self.class_logits(maps)
            logits = class_logits.logsumexp(dim=1)
            return Judgment(logits, class_logits) if judge else logits
        logits = self.logits_of(maps, labels)
        if not judge:
            return logits
        assert self.head is not None
        return Judgment(logits, self.head(maps.flatten(1)))

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the blocks without the last layer and the head; see :meth:`.AnyDiscriminator.feature_blocks`."""
        return weighted_blocks(self)[: -1 if self.head is None else -2]
