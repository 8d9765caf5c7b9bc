"""Deep networks for little compute: most of their layers work on the smallest feature map.

A convolution on a map of 7 x 7 pixels needs a sixteenth of the operations of one on 28 x 28. So D halves the sides at
once, by DCGAN's strided convolutions, and then has R3GAN's residual blocks (Huang et al., 2024, section 3) and a layer
that sees the whole map; G has residual blocks on the smallest map and then convolutions that double the sides. They are
not from a paper.

Conditional networks have class-conditional batch normalization in G, and a projection of the label on the features in D
(Miyato and Koyama, 2018).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import ConditionalBatchNorm
from lightning_gans.networks.layers import UpsampleConv
from lightning_gans.networks.r3gan import SLOPE, ResidualBlock, scaled
from lightning_gans.networks.sizes import SmallestMap, smallest_map

LEAST_SIDE = 6
"""The shorter side of the smallest map has at least so many pixels."""

GAIN = nn.init.calculate_gain("leaky_relu", SLOPE)
"""Gain of layers that a LeakyReLU follows (He et al., 2015)."""


def compact_map(size: Size) -> SmallestMap:
    """Return the smallest map of images of a size, whose shorter side has 6 to 10 pixels, and the doublings.

    Raises:
        ValueError: if there is none; see :func:`.smallest_map`.
    """
    smallest = smallest_map(size)
    if min(smallest[:2]) < LEAST_SIDE:
        return SmallestMap(2 * smallest.height, 2 * smallest.width, smallest.doublings - 1)
    return smallest


def stem_widths(width: int, doublings: int) -> list[int]:
    """Return the channels of the maps from the smallest to the largest hidden one; each has half of the one before."""
    return [max(width >> level, 1) for level in range(doublings)]


class CompactBlock(nn.Module):
    """Normalization, ReLU and a 3 x 3 convolution, twice; the output is added to the input.

    Args:
        width: channels of the feature maps.
        num_classes: number of classes of the conditional normalization; 0 for none.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([ConditionalBatchNorm(width, num_classes) for _ in range(2)])
        # No bias in front of batch normalization, which would subtract it.
        self.convs = nn.ModuleList(
            [scaled(nn.Conv2d(width, width, 3, padding=1, bias=bias), 2**0.5) for bias in (False, True)]
        )

    def forward(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, width, H, W)."""
        inside = maps
        for norm, conv in zip(self.norms, self.convs, strict=True):
            inside = conv(F.relu(norm(inside, labels)))
        return maps + inside


class CompactGenerator(Generator):
    """A linear layer from z to the smallest map, residual blocks there, convolutions that double the sides, tanh.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the smallest map; each larger one has half of those of the one before.
        blocks: number of residual blocks.
        num_classes: number of classes of the data.
        conditional: whether batch normalization has a gain and a bias for each class.
        transposed: whether DCGAN's transposed convolutions double the sides, instead of repeated pixels and 3 x 3
            convolutions, which avoid checkerboard artifacts (Odena et al., 2016) in nearly the same time.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 100,
        width: int = 64,
        blocks: int = 2,
        num_classes: int | None = None,
        conditional: bool = False,
        transposed: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(width=width, blocks=blocks)
        smallest = compact_map(size)
        self.start = nn.Sequential(
            nn.Linear(latent_dim, width * smallest.height * smallest.width),
            nn.Unflatten(1, (width, *smallest[:2])),
        )
        self.blocks = nn.ModuleList([CompactBlock(width, self.num_classes) for _ in range(blocks)])
        widths = stem_widths(width, smallest.doublings)
        self.norms = nn.ModuleList([ConditionalBatchNorm(before, self.num_classes) for before in widths])
        # Only the last layer has a bias; batch normalization would subtract those of the others.
        layer = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1) if transposed else UpsampleConv
        self.upsample = nn.ModuleList([layer(before, after, bias=False) for before, after in pairwise(widths)])
        self.upsample.append(layer(widths[-1], channels))

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.start[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        maps: Tensor = self.start(latent)
        for block in self.blocks:
            maps = block(maps, labels)
        for norm, upsample in zip(self.norms, self.upsample, strict=True):
            maps = upsample(F.relu(norm(maps, labels)))
        return torch.tanh(maps)


class CompactDiscriminator(FeatureDiscriminator):
    """Strided convolutions to the smallest map, residual blocks there, a layer that sees the whole map, one logit.

    There is no normalization, so the logit of an image does not depend on the other images of the batch.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the smallest map; each larger one has half of those of the one after.
        blocks: number of residual blocks.
        group_size: channels of each group of a block's 3 x 3 convolution; a divisor of ``2 * width``.
        features: number of features of the whole map, which the logit is a linear function of.
        num_classes: number of classes of the data.
        conditional: whether to project the label on the features (Miyato and Koyama, 2018).

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("layers",)

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 64,
        blocks: int = 3,
        group_size: int = 16,
        features: int = 256,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_positive(width=width, blocks=blocks, group_size=group_size, features=features)
        if 2 * width % group_size:
            raise ValueError(f"group_size is {group_size}; expected a divisor of 2 times width, {2 * width}")
        smallest = compact_map(size)
        layers: list[nn.Module] = []
        before = channels
        for after in reversed(stem_widths(width, smallest.doublings)):
            layers += [nn.LeakyReLU(SLOPE, inplace=True)] if layers else []
            layers.append(scaled(nn.Conv2d(before, after, 4, 2, 1), GAIN))
            before = after
        layers += [ResidualBlock(width, 2, group_size, blocks) for _ in range(blocks)]
        layers += [nn.LeakyReLU(SLOPE), scaled(nn.Conv2d(width, features, smallest[:2]), GAIN), nn.Flatten()]
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True))
        self.logits = scaled(nn.Linear(features, 1 + self.num_classes))

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.logits

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the features (N, F); see :meth:`.FeatureDiscriminator.feature_maps`."""
        features: Tensor = self.layers(images)
        return features
