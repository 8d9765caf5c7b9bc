"""The discriminator of FastGAN (Liu et al., 2021, section 3.2), which also reconstructs real images from its features.

See :mod:`lightning_gans.networks.fastgan` for what differs from the authors' code. Levels are doublings of the smallest
map that belongs to the size of the images: 256 pixels are level 6, 8 pixels level 1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.fastgan import (
    G_MULTIPLES,
    Excitation,
    UpBlock,
    batch_norm_init,
    convolution,
    doubled_map,
    scaled_widths,
    skips,
)
from lightning_gans.networks.layers import apply_spectral_norm

FULL_LEVEL = 6
"""The highest level with a residual block; larger images are first reduced by strided convolutions."""

SMALL_LEVEL = 5
"""The highest level of the smaller image that D is given, and of the reconstructions."""

QUARTERS = 4
"""Number of parts of an image, one of which is reconstructed: top left, top right, bottom left, bottom right."""


class Encoding(NamedTuple):
    """What the discriminator makes of images.

    Attributes:
        logits: (N, K), high for real images.
        whole: the last feature map, (N, C, h, w).
        small: the last feature map of the smaller image, (N, C', h, w).
        quarters: the feature map before the last, (N, C'', 2 h, 2 w); each quarter of it belongs to one of the image.
    """

    logits: Tensor
    whole: Tensor
    small: Tensor
    quarters: Tensor


class Views(NamedTuple):
    """Three views of images, as D reconstructs them or as they are, each (N, C, H, W) of one size.

    Attributes:
        whole: the whole image, reconstructed from the last feature map.
        small: the whole image, reconstructed from the last feature map of the smaller image.
        part: a quarter of the image.
    """

    whole: Tensor
    small: Tensor
    part: Tensor


def normalized(conv: nn.Conv2d) -> list[nn.Module]:
    """Return a convolution, batch normalization and LeakyReLU."""
    return [conv, nn.BatchNorm2d(conv.out_channels), nn.LeakyReLU(0.2, inplace=True)]


def stem(channels: int, widths: list[int], level: int, last: int) -> list[nn.Module]:
    """Return the first layers, from images of level ``level`` to feature maps of level ``last``.

    Args:
        channels: channels of the images.
        widths: channels of the feature maps, by level.
        level: level of the images.
        last: the same level, for a 3 x 3 convolution; or a lower one, for 4 x 4 convolutions that halve the sides.
    """
    if level == last:
        return [convolution(channels, widths[last], 3, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    layers: list[nn.Module] = [convolution(channels, widths[level - 1], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for below in range(level - 2, last - 1, -1):
        layers += normalized(convolution(widths[below + 1], widths[below], 4, 2, 1))
    return layers


class ResidualDownBlock(nn.Module):
    """Halves the sides: the mean of a branch of two convolutions and one of an average and a 1 x 1 convolution.

    Args:
        before: channels of the input.
        after: channels of the output.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *normalized(convolution(before, after, 4, 2, 1)), *normalized(convolution(after, after, 3, padding=1))
        )
        self.direct = nn.Sequential(nn.AvgPool2d(2), *normalized(convolution(before, after, 1)))

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, after, H / 2, W / 2) for ``maps`` (N, before, H, W)."""
        mean: Tensor = (self.main(maps) + self.direct(maps)) / 2
        return mean


class Decoder(nn.Module):
    """Reconstructs images from a feature map of level 1: upsampling blocks, a 3 x 3 convolution, tanh.

    Args:
        before: channels of the feature map.
        channels: channels of the images.
        width: see :class:`FastGANDiscriminator`; the maps have half as many channels as those of G.
        level: level of the images.
    """

    def __init__(self, before: int, channels: int, width: int, level: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for multiple in G_MULTIPLES[2 : level + 1]:
            after = int(multiple * width / 2)
            layers.append(UpBlock(before, after, (1, 1), large=False, num_classes=0))
            before = after
        self.layers = nn.Sequential(*layers, convolution(before, channels, 3, padding=1), nn.Tanh())

    def forward(self, maps: Tensor) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] for ``maps`` (N, before, h, w)."""
        images: Tensor = self.layers(maps)
        return images


def thinned(images: Tensor, step: int) -> Tensor:
    """Return every ``step``-th pixel of images (N, C, H, W) along both sides."""
    return images[:, :, ::step, ::step]


def quarter(maps: Tensor, part: int) -> Tensor:
    """Return a quarter (N, C, H / 2, W / 2) of ``maps`` (N, C, H, W): the part of number ``part``, see QUARTERS."""
    height, width = maps.shape[2] // 2, maps.shape[3] // 2
    top, left = part // 2 * height, part % 2 * width
    return maps[:, :, top : top + height, left : left + width]


class FastGANDiscriminator(Discriminator):
    """Residual blocks that halve the sides, and a second branch for a smaller image; each gives logits of patches.

    Excitations multiply the channels of a map by numbers from the map with eight times its side. Three decoders
    reconstruct images, so that D must keep what they need (section 3.2).

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, less than 2048; or one
            number for a square.
        width: channels of the map with 64 pixels; each map has twice as many as the one with twice its side.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("blocks",)

    def __init__(self, channels: int, size: Size, width: int = 64) -> None:
        super().__init__(channels, size)
        smallest = doubled_map(size)
        level, top = smallest.doublings, min(FULL_LEVEL, smallest.doublings)
        small_level = min(SMALL_LEVEL, level - 1)
        self.step = 2 ** (level - small_level)
        # By level; that of 0 is not a map's. Above the blocks, each convolution halves the side.
        widths = scaled_widths(width, [2.0 ** (4 - n) for n in range(max(top, level - 1) + 1)])
        self.stem = nn.Sequential(*stem(channels, widths, level, top))
        self.blocks = nn.ModuleList([ResidualDownBlock(widths[n + 1], widths[n]) for n in range(top - 1, 0, -1)])
        self.sources = {lower: upper for upper, lower in skips(1, top, length=3).items()}
        self.excitations = nn.ModuleDict(
            {str(to): Excitation(widths[at], widths[to], smallest, at) for to, at in self.sources.items()}
        )
        self.logits = nn.Sequential(*normalized(convolution(widths[1], widths[0], 1)), convolution(widths[0], 1, 4))
        halves = [each // 2 for each in widths]
        self.small = nn.Sequential(*stem(channels, halves, small_level, 1))
        self.small_logits = convolution(halves[1], 1, 4)
        self.decode_whole, self.decode_part, self.decode_small = (
            Decoder(before, channels, width, small_level) for before in (widths[1], widths[2], halves[1])
        )
        self.apply(batch_norm_init)
        apply_spectral_norm(self)

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the first layers of both branches, then the residual blocks with their excitations."""
        blocks: list[list[nn.Module]] = [[self.stem, self.small]]
        for level, block in zip(range(len(self.blocks), 0, -1), self.blocks, strict=True):
            blocks.append([block, *([self.excitations[str(level)]] if level in self.sources else [])])
        return blocks

    @overload
    def forward(self, images: Tensor, labels: Tensor | None = None, encode: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, labels: Tensor | None = None, *, encode: Literal[True]) -> Encoding: ...

    def forward(self, images: Tensor, labels: Tensor | None = None, encode: bool = False) -> Tensor | Encoding:
        """Return logits (N, K) of K patches, high for real images; ignores labels.

        Args:
            images: (N, channels, height, width) in [-1, 1].
            labels: ignored.
            encode: whether to return the feature maps that :meth:`reconstruct` needs, too.
        """
        maps: dict[int, Tensor] = {len(self.blocks) + 1: self.stem(images)}
        for level, block in zip(range(len(self.blocks), 0, -1), self.blocks, strict=True):
            maps[level] = block(maps[level + 1])
            if level in self.sources:
                maps[level] = self.excitations[str(level)](maps[self.sources[level]], maps[level])
        small = self.small(thinned(images, self.step))
        logits = torch.cat([self.logits(maps[1]).flatten(1), self.small_logits(small).flatten(1)], dim=1)
        return Encoding(logits, maps[1], small, maps[2]) if encode else logits

    def reconstruct(self, encoding: Encoding, part: int) -> Views:
        """Return the images of the decoders, in [-1, 1].

        Args:
            encoding: of images (N, C, H, W).
            part: number of the quarter, 0 to 3.
        """
        quarters = quarter(encoding.quarters, part)
        return Views(self.decode_whole(encoding.whole), self.decode_small(encoding.small), self.decode_part(quarters))

    def views(self, images: Tensor, part: int) -> Views:
        """Return what the decoders should reconstruct.

        Args:
            images: (N, channels, height, width).
            part: number of the quarter, 0 to 3.
        """
        whole = thinned(images, self.step)
        return Views(whole, whole, thinned(quarter(images, part), self.step // 2))
