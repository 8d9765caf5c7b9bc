"""The discriminator of projected GANs (Sauer et al., 2021): it judges images in the features of a frozen network.

It follows the authors' code. The feature network is EfficientNet-Lite0, from which four feature maps are taken. Fixed
1 x 1 convolutions with random weights mix their channels (cross-channel mixing), and each map is added to the next
smaller one, which is upsampled, and mixed again (cross-scale mixing). Four small discriminators judge the four results.

The losses of this package are means over all logits. The paper sums the losses of the four discriminators (section
3.1); its code takes the mean over all logits, as here. The four have equally many, so the sum is four times the mean,
which makes no difference to Adam.

Deviations from the authors' code: images are resized so that their sides are multiples of 32; the shorter side is
``resize`` pixels if it is less in the images, and the ratio of the sides is kept. Theirs makes squares of 224 pixels of
smaller images, and takes larger ones as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Discriminator, check_positive
from lightning_gans.networks.efficientnet import FrozenLite0, check_features, freeze, lite0_name
from lightning_gans.networks.labels import one_hot
from lightning_gans.networks.layers import apply_spectral_norm

MULTIPLE = 32
"""The sides of the smallest feature map times this are those of the images."""

SCALES = 4
"""Number of feature maps."""

EMBEDDING, LABEL_MAP = 128, 64
"""Entries of the embedding of a label, and of the vector whose inner product with the features is the logit."""


class RandomProjection(nn.Module):
    """Cross-channel mixing and cross-scale mixing (section 3.2) with weights that are drawn once.

    Args:
        widths: channels of the four feature maps, the largest map first.
        width: channels of the largest result.
    """

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        mixed = [width * 2**scale for scale in range(SCALES)]
        self.channels = [width, *mixed[: SCALES - 1]]
        self.across_channels = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(widths, mixed, strict=True))
        self.across_scales = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(mixed, self.channels, strict=True))
        freeze(self, persistent=True)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return four feature maps, the largest first, each with twice the sides of that of ``maps``."""
        results: list[Tensor] = []
        for scale in reversed(range(SCALES)):
            mixed = self.across_channels[scale](maps[scale])
            if results:
                mixed = mixed + results[-1]
            # Mixing and upsampling commute; the authors' code upsamples first, with four times the pixels to mix.
            mixed = self.across_scales[scale](mixed)
            results.append(F.interpolate(mixed, scale_factor=2, mode="bilinear", align_corners=True))
        return results[::-1]


class ScaleDiscriminator(nn.Module):
    """Judges one feature map: strided convolutions with batch normalization and LeakyReLU, then a 4 x 4 convolution.

    Args:
        widths: channels of the feature maps, of which each has half the side of the one before.
        num_classes: number of classes; 0 ignores labels.
    """

    def __init__(self, widths: Sequence[int], num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]
        layers.append(nn.Conv2d(widths[-1], LABEL_MAP if num_classes else 1, 4, bias=False))
        self.layers = nn.Sequential(*layers)
        apply_spectral_norm(self.layers)
        self.num_classes = num_classes
        if num_classes:
            self.embed = nn.Linear(num_classes, EMBEDDING, bias=False)
            nn.init.normal_(self.embed.weight)
            self.project = nn.Sequential(nn.Linear(EMBEDDING, LABEL_MAP), nn.LeakyReLU(0.2, inplace=True))

    def forward(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """Return logits (N, K) of the K patches of feature maps (N, C, H, W)."""
        outputs: Tensor = self.layers(maps)
        if self.num_classes:
            weights = self.project(self.embed(one_hot(labels, self.num_classes, outputs.dtype)))
            outputs = (outputs * weights[:, :, None, None]).sum(dim=1) * LABEL_MAP**-0.5
        return outputs.flatten(1)


class ProjectedDiscriminator(Discriminator):
    """Four discriminators with spectral normalization on random mixtures of the feature maps of EfficientNet-Lite0.

    The feature network is neither trained nor part of checkpoints; the random mixtures are not trained, and are part of
    checkpoints. Scores in the features of the same network are biased in favor of what was trained with it: judge with
    another extractor.

    Args:
        channels: channels of the images, 3, or 1 for gray ones, of which the network is given three copies.
        size: (height, width) of the images in pixels, or one number for a square.
        width: channels of the largest mixture; the deepest maps of the discriminators have eight times as many.
        resize: images with a shorter side are enlarged to this length of it, in pixels, a multiple of 32 and at least
            128. Time and memory are proportional to its square.
        num_classes: number of classes of the data.
        conditional: whether the logits are inner products with a projection of the label (Miyato and Koyama, 2018).

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 64,
        resize: int = 224,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        if channels not in (1, 3):
            raise ValueError(f"channels is {channels}; expected 1 or 3 for features of photos")
        check_positive(width=width)
        if resize < 4 * MULTIPLE or resize % MULTIPLE:
            raise ValueError(f"resize is {resize}; expected a multiple of {MULTIPLE}, at least {4 * MULTIPLE}")
        self.judges_in = lite0_name()
        self.resized = resized_sides(self.size, resize)
        self.features = FrozenLite0()
        self.projection = RandomProjection(self.features.channels, width)
        widths = [*self.projection.channels, 8 * width]
        self.scales = nn.ModuleList(ScaleDiscriminator(widths[n:], self.num_classes) for n in range(SCALES))
        self.register_buffer("features_hash", torch.tensor(int(self.judges_in.rpartition("-")[2], 16)))
        self.register_load_state_dict_pre_hook(check_features)  # type: ignore[no-untyped-call]

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N, K) of K patches, high for real images; see :meth:`.Discriminator.forward`."""
        images = images.expand(-1, 3, -1, -1)
        if self.resized != self.size:
            images = F.interpolate(images, self.resized, mode="bilinear", align_corners=False)
        mixtures = self.projection(self.features(images))
        return torch.cat([judge(maps, labels) for judge, maps in zip(self.scales, mixtures, strict=True)], dim=1)


def resized_sides(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    """Return the sides to which images are resized: multiples of 32 near their own, enlarged if they are shorter.

    Args:
        size: (height, width) of the images.
        shortest: least length of the shorter side, a multiple of 32.
    """
    factor = max(1.0, shortest / min(size))
    height, width = (max(shortest, round(side * factor / MULTIPLE) * MULTIPLE) for side in size)
    return height, width
