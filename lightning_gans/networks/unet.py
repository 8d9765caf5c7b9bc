"""pix2pix's U-Net (Isola et al., 2017, appendix 6.1.1), for images of 64, 128, 256 and 512 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Translator, check_positive
from lightning_gans.networks.layers import BatchNorm, MakeNorm, check_dropout, dcgan_init
from lightning_gans.networks.sizes import shortest_of

SIDES = (64, 128, 256, 512)
"""Shorter sides of the images, powers of two."""

MAX_GROWTH = 8
"""Largest number of channels of a feature map, as a multiple of the largest map's."""


class UNet(Translator):
    """An encoder down to a single pixel, and a decoder whose blocks also get the encoder's map of the same side.

    The smallest map of a rectangle, whose longer side is a multiple of the shorter one, is a row or a column of pixels.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the images in pixels, or one number for a square: the shorter side is 64, 128, 256 or
            512, and the longer one a multiple of it.
        width: channels of the largest feature map; each smaller one has twice as many, up to eight times.
        norm: normalization of every block but the first and the innermost.
        dropout: probability to drop an activation in some decoder blocks, in [0, 1); it is the only noise of G
            (section 3.2.1).
        dropout_from: the first of these blocks, counted from the innermost: 0 as in the authors' Torch code, or 1 as
            in their PyTorch code.
        dropout_blocks: number of these blocks; 3 as in the paper. The authors' PyTorch code has 2 for images of 128
            pixels.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("down",)

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        width: int = 64,
        norm: MakeNorm = BatchNorm,
        dropout: float = 0.5,
        dropout_from: int = 0,
        dropout_blocks: int = 3,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(width=width, dropout_blocks=dropout_blocks)
        check_dropout(dropout)
        if dropout_from not in (0, 1):
            raise ValueError(f"dropout_from is {dropout_from}; expected 0 or 1")
        widths = level_widths(size, width)
        dropped = range(dropout_from, dropout_from + dropout_blocks)
        self.down = encoder_blocks(channels_in, widths, norm)
        self.up = decoder_blocks(
            channels_out, widths, norm, [dropout if depth in dropped else 0.0 for depth in range(len(widths))]
        )
        self.apply(dcgan_init)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) of the given size."""
        skips: list[Tensor] = []
        maps: Tensor = images
        for block in self.down:
            maps = block(maps)
            skips.append(maps)
        return decode(self.up, skips)


def level_widths(size: Size, width: int) -> list[int]:
    """Return the channels of the encoder's maps, the largest map first, down to one whose shorter side is one pixel.

    Args:
        size: (height, width) of the images in pixels, or one number for a square.
        width: channels of the largest map.

    Raises:
        ValueError: if there is no U-Net for images of this size.
    """
    levels = shortest_of(size, SIDES).bit_length() - 1
    return [width * min(2**level, MAX_GROWTH) for level in range(levels)]


def encoder_blocks(channels_in: int, widths: list[int], norm: MakeNorm, more: Sequence[int] = ()) -> nn.ModuleList:
    """Return the blocks of the encoder, each of which halves the side, the first one next to the image.

    Args:
        channels_in: channels of the images.
        widths: channels of each block's output.
        norm: see :class:`UNet`.
        more: channels that the input of each of the first blocks has beside those of the maps.
    """
    blocks = nn.ModuleList()
    for level, after in enumerate(widths):
        before = (widths[level - 1] if level else channels_in) + (more[level] if level < len(more) else 0)
        blocks.append(encoder_block(before, after, norm, first=level == 0, innermost=level == len(widths) - 1))
    return blocks


def decoder_blocks(
    channels_out: int, widths: list[int], norm: MakeNorm, dropout: Sequence[float] = ()
) -> nn.ModuleList:
    """Return the blocks of the decoder, each of which doubles the side, the innermost first.

    Args:
        channels_out: channels of the images.
        widths: channels of the encoder's maps, the largest map first.
        norm: see :class:`UNet`.
        dropout: probability to drop an activation in each of the first blocks.
    """
    blocks = nn.ModuleList()
    for depth, level in enumerate(reversed(range(len(widths)))):
        # All but the innermost block also get the encoder's map.
        before = widths[level] * (1 if depth == 0 else 2)
        if level == 0:
            blocks.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(before, channels_out, 4, 2, 1), nn.Tanh()))
        else:
            blocks.append(
                decoder_block(before, widths[level - 1], norm, dropout[depth] if depth < len(dropout) else 0.0)
            )
    return blocks


def decode(blocks: nn.ModuleList, skips: list[Tensor]) -> Tensor:
    """Return the images (N, channels_out, H, W) in [-1, 1] of a decoder.

    Args:
        blocks: see :func:`decoder_blocks`.
        skips: the maps (N, C, h, w) of the encoder, the largest first.
    """
    left = [*skips]
    maps: Tensor = blocks[0](left.pop())
    for block in list(blocks)[1:]:
        maps = block(torch.cat([maps, left.pop()], dim=1))
    return maps


def encoder_block(before: int, after: int, norm: MakeNorm, *, first: bool, innermost: bool) -> nn.Sequential:
    """Return layers that halve the side.

    There is no normalization of the first block, nor of the innermost, whose maps have one pixel: it would become 0.
    """
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=first or innermost))
    return nn.Sequential(*layers, *([] if first or innermost else [norm(after)]))


def decoder_block(before: int, after: int, norm: MakeNorm, dropout: float) -> nn.Sequential:
    """Return layers that double the side."""
    layers: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), norm(after)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))
