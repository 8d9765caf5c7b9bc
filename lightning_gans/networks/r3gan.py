"""The networks of R3GAN (Huang et al., 2024, section 3), for 28, 32 and 64 pixels.

Residual blocks of grouped convolutions without any normalisation, kept trainable by how their weights start. Two
things differ from the paper. G ends in tanh, since images here are in [-1, 1]; the paper's output is linear. And
channels double from each map to the next smaller one, up to eight times; the paper's network for 32 pixels has 768
everywhere.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.errors import InputError
from lightning_gans.networks.arguments import check_size, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.dcgan import FIRST_SIZE

SLOPE = 0.2
"""Slope of every LeakyReLU for negative input."""

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer, its weights drawn from N(0, gain^2 / fan-in) (He et al., 2015) and its biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain * layer.weight[0].numel() ** -0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """1 x 1 convolution to more channels, grouped 3 x 3 one, 1 x 1 one back, added to the input.

    After each of the first two a bias and LeakyReLU; the paper's code counts the bias as the activation's, here the
    convolution before holds it, which is the same function. The last convolution starts at 0, so the block starts as
    the identity; the other two start smaller the more blocks there are, as in Fixup (Zhang et al., 2019).

    Args:
        width: channels of the maps.
        expansion: channels inside, as a multiple of ``width``.
        group_size: channels of each group of the 3 x 3 convolution; a divisor of ``width * expansion``.
        count: number of blocks in the whole network.
    """

    def __init__(self, width: int, expansion: int, group_size: int, count: int) -> None:
        super().__init__()
        inside = width * expansion
        # Fixup's exponent is -1 / (2m - 2) with m convolutions in a block.
        gain = nn.init.calculate_gain("leaky_relu", SLOPE) * count ** (-1 / 4)
        self.branch = nn.Sequential(
            scaled(nn.Conv2d(width, inside, 1), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inside, inside, 3, padding=1, groups=inside // group_size), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inside, width, 1, bias=False), 0.0),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, width, H, W) from ``maps`` of the same shape."""
        change: Tensor = self.branch(maps)
        return maps + change


class Resample(nn.Module):
    """Bilinear resampling by 2 with the low-pass filter [1, 3, 3, 1] along both axes; outside the maps all is 0.

    A fixed convolution and not :func:`torch.nn.functional.interpolate`, whose gradient a GPU sums in random order.
    """

    low_pass: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("low_pass", torch.outer(taps, taps), persistent=False)

    def kernel(self, channels: int) -> Tensor:
        """The filter for each channel on its own, (channels, 1, 4, 4); each sums to 1."""
        return self.low_pass.expand(channels, 1, 4, 4)


class Downsample(Resample):
    """Half the side."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, H / 2, W / 2) from ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        return F.conv2d(maps, self.kernel(channels), stride=2, padding=1, groups=channels)


class Upsample(Resample):
    """Twice the side."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, 2H, 2W) from ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        # Three of four pixels that the filter meets are zeros between the given ones; the factor makes up for them.
        return F.conv_transpose2d(maps, 4 * self.kernel(channels), stride=2, padding=1, groups=channels)


def _widths(side: str, size: int, width: int, expansion: int, group_size: int, **counts: int) -> list[int]:
    """Channels of the maps from the largest to the smallest, one for each stage; refuses arguments out of range."""
    check_size(side, size, FIRST_SIZE)
    check_widths(side, width=width, expansion=expansion, group_size=group_size, **counts)
    if width * expansion % group_size:
        raise InputError(
            f"{side}.group_size is {group_size}; expected a divisor of width times expansion, {width * expansion}"
        )
    doublings = (size // FIRST_SIZE[size]).bit_length() - 1
    return [width * min(2**level, 8) for level in range(doublings + 1)]


def _to_width(before: int, after: int) -> list[nn.Module]:
    """A 1 x 1 convolution between two stages, where their channels differ."""
    return [] if before == after else [scaled(nn.Conv2d(before, after, 1, bias=False))]


class R3GANGenerator(Generator):
    """A learned smallest map whose channels are weighed by z, then stages of residual blocks, each twice the side.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        latent_dim: length of z.
        width: channels of the largest map's stage; each smaller map has twice as many, up to eight times.
        blocks: residual blocks of each stage.
        expansion: channels inside a block, as a multiple of its map's.
        group_size: channels of each group of a 3 x 3 convolution; a divisor of ``width * expansion``.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        latent_dim: int = 64,
        width: int = 64,
        blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
    ) -> None:
        super().__init__()
        counts = {"channels": channels, "latent_dim": latent_dim, "blocks": blocks}
        widths = _widths("model.generator", size, width, expansion, group_size, **counts)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        before = widths[-1]
        self.basis = nn.Parameter(torch.randn(before, FIRST_SIZE[size], FIRST_SIZE[size]))
        self.weigh = scaled(nn.Linear(latent_dim, before, bias=False))
        layers: list[nn.Module] = []
        for level, after in enumerate(reversed(widths)):
            if level > 0:
                # Before doubling, where it costs a quarter.
                layers += [*_to_width(before, after), Upsample()]
            layers += [ResidualBlock(after, expansion, group_size, blocks * len(widths)) for _ in range(blocks)]
            before = after
        layers += [scaled(nn.Conv2d(before, channels, 1, bias=False)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(self.basis * self.weigh(latent)[:, :, None, None])
        return images


class R3GANDiscriminator(Discriminator):
    """The generator's mirror image: stages of residual blocks, each half the side, then one logit of the smallest map.

    A convolution of each channel on its own takes the smallest map to one pixel, a linear layer that to the logit.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        width: channels of the largest map's stage; each smaller map has twice as many, up to eight times.
        blocks: residual blocks of each stage.
        expansion: channels inside a block, as a multiple of its map's.
        group_size: channels of each group of a 3 x 3 convolution; a divisor of ``width * expansion``.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self, channels: int, size: int, width: int = 64, blocks: int = 2, expansion: int = 2, group_size: int = 16
    ) -> None:
        super().__init__()
        counts = {"channels": channels, "blocks": blocks}
        widths = _widths("model.discriminator", size, width, expansion, group_size, **counts)
        self.channels, self.size = channels, size
        before = widths[0]
        layers: list[nn.Module] = [scaled(nn.Conv2d(channels, before, 1, bias=False))]
        for level, after in enumerate(widths):
            if level > 0:
                layers += [Downsample(), *_to_width(before, after)]
            layers += [ResidualBlock(after, expansion, group_size, blocks * len(widths)) for _ in range(blocks)]
            before = after
        layers += [scaled(nn.Conv2d(before, before, FIRST_SIZE[size], groups=before, bias=False)), nn.Flatten()]
        layers.append(scaled(nn.Linear(before, 1, bias=False)))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
