"""pix2pix's U-Net (Isola et al., 2017, appendix 6.1.1), for sides of 64 to 512 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks.arguments import check_size, check_widths
from lightning_gans.networks.base import Translator
from lightning_gans.networks.layers import BatchNorm, MakeNorm, dcgan_init

SIZES = (64, 128, 256, 512)
GROWTH = 8
DROPPED = 3
"""How many decoder blocks drop activations."""


class UNet(Translator):
    """Halves the image down to one pixel, doubles it up again, and hands each map across to its mirror image.

    Args:
        channels_in: channels of the images it is given.
        channels_out: channels of the images it makes.
        size: height and width, 64, 128, 256 or 512 pixels.
        width: channels of the largest map; each smaller one has twice as many, up to eight times.
        norm: normalisation of every block but the first and the innermost.
        dropout: share of activations that are dropped in three decoder blocks; G's only noise (section 3.2.1).
        dropout_from: the first of the three, counted from the innermost: 0 as in the authors' Torch code, or 1 as in
            their PyTorch code.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: int,
        width: int = 64,
        norm: MakeNorm = BatchNorm,
        dropout: float = 0.5,
        dropout_from: int = 0,
    ) -> None:
        super().__init__()
        check_size("model.generator", size, SIZES)
        check_widths("model.generator", channels_in=channels_in, channels_out=channels_out, width=width)
        if not 0 <= dropout < 1:
            raise InputError(f"model.generator.dropout is {dropout}; expected a share in [0, 1)")
        if dropout_from not in (0, 1):
            raise InputError(f"model.generator.dropout_from is {dropout_from}; expected 0 or 1")
        self.channels_in, self.channels_out = channels_in, channels_out
        levels = size.bit_length() - 1
        widths = [width * min(2**level, GROWTH) for level in range(levels)]
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, after in enumerate(widths):
            innermost = level == levels - 1
            before = widths[level - 1] if level else channels_in
            self.down.append(down_block(before, after, norm, first=level == 0, innermost=innermost))
        for depth, level in enumerate(reversed(range(levels))):
            # All but the innermost block are given their mirror image's map beside the one below.
            before = widths[level] * (1 if depth == 0 else 2)
            if level == 0:
                self.up.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(before, channels_out, 4, 2, 1), nn.Tanh()))
                continue
            dropped = dropout_from <= depth < dropout_from + DROPPED
            self.up.append(up_block(before, widths[level - 1], norm, dropout if dropped else 0.0))
        self.apply(dcgan_init)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, channels_out, size, size) in [-1, 1] from ``images`` (N, channels_in, size, size)."""
        kept: list[Tensor] = []
        maps: Tensor = images
        for block in self.down:
            maps = block(maps)
            kept.append(maps)
        maps = self.up[0](kept.pop())
        for block in list(self.up)[1:]:
            maps = block(torch.cat([maps, kept.pop()], dim=1))
        return maps


def down_block(before: int, after: int, norm: MakeNorm, *, first: bool, innermost: bool) -> nn.Sequential:
    """Half the side; nothing is normalised at the image, nor at the single pixel, where nothing would be left of it."""
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=first or innermost))
    return nn.Sequential(*layers, *([] if first or innermost else [norm(after)]))


def up_block(before: int, after: int, norm: MakeNorm, dropout: float) -> nn.Sequential:
    """Twice the side."""
    layers: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), norm(after)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))
