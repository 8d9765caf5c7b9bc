"""SPADE's generator, whose normalization depends on a label map at each position (Park et al., 2019)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Translator, check_positive
from lightning_gans.networks.layers import MakeNorm, apply_spectral_norm
from lightning_gans.networks.norms import PlainBatchNorm
from lightning_gans.networks.sizes import sides_divisible_by

KERNEL = 3
"""Side of the kernels of the convolutions that compute scale and shift."""

GAIN = 0.02
"""Gain of the initial weights, of Xavier's normal distribution, as in the authors' code."""

GROWTH = (16, 16, 16, 8, 4, 2, 1)
"""Channels of the output of each block, as multiples of those of the largest feature map."""


class SPADE(nn.Module):
    r"""Spatially adaptive normalization: :math:`\bar h \, (1 + \gamma(m)) + \beta(m)` (eq. 1, and the authors' code).

    :math:`\bar h` are feature maps normalized without weights, and scale and shift are two layers of convolutions of
    the label map m, which is given at the maps' sides by its nearest pixels.

    Args:
        channels: channels of the feature maps.
        labels: channels of the label map.
        hidden: channels between both convolutions.
        norm: normalization without weights.
    """

    def __init__(self, channels: int, labels: int, hidden: int, norm: MakeNorm) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.shared = nn.Sequential(nn.Conv2d(labels, hidden, KERNEL, padding=1), nn.ReLU(inplace=True))
        self.scale = nn.Conv2d(hidden, channels, KERNEL, padding=1)
        self.shift = nn.Conv2d(hidden, channels, KERNEL, padding=1)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        """Normalize feature maps (N, channels, h, w) by a label map (N, labels, H, W)."""
        shared = self.shared(F.interpolate(labels, maps.shape[2:], mode="nearest"))
        normalized: Tensor = self.norm(maps)
        return torch.addcmul(self.shift(shared), normalized, 1 + self.scale(shared))


class SPADEBlock(nn.Module):
    """A residual block with SPADE in front of each convolution (appendix A, figure 11).

    Args:
        before: channels of the input.
        after: channels of the output.
        labels: see :class:`SPADE`.
        hidden: see :class:`SPADE`.
        norm: see :class:`SPADE`.
        spectral_norm: whether to apply spectral normalization to the convolutions outside SPADE.
    """

    def __init__(self, before: int, after: int, labels: int, hidden: int, norm: MakeNorm, spectral_norm: bool) -> None:
        super().__init__()
        between = min(before, after)
        convolutions = [nn.Conv2d(before, between, 3, padding=1), nn.Conv2d(between, after, 3, padding=1)]
        widths = [before, between]
        if before != after:  # the shortcut
            convolutions.append(nn.Conv2d(before, after, 1, bias=False))
            widths.append(before)
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(SPADE(width, labels, hidden, norm) for width in widths)
        xavier(self)
        if spectral_norm:
            apply_spectral_norm(self.convolutions)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        """Return feature maps (N, after, h, w) for ``maps`` (N, before, h, w) and a label map (N, labels, H, W)."""
        (first, second, *others), (norm, other, *of_shortcut) = self.convolutions, self.norms
        shortcut = others[0](of_shortcut[0](maps, labels)) if others else maps
        change = first(F.leaky_relu(norm(maps, labels), 0.2))
        change = second(F.leaky_relu(other(change, labels), 0.2))
        total: Tensor = shortcut + change
        return total


class SPADETranslator(Translator):
    """A convolution of the reduced label map, and residual blocks with SPADE, between which the sides are doubled.

    The input is a map of labels, one channel for each class, or a picture of labels in colors: values are mapped from
    [-1, 1] to [0, 1], so that a channel of a class is 0 or 1.

    Args:
        channels_in: channels of the input, the number of classes.
        channels_out: channels of the output images.
        size: (height, width) of the images of the training in pixels, or one number for a square, multiples of
            2 ** ``doublings``; the network translates images of all sides that are.
        width: channels of the largest feature map; the smallest has 16 times as many.
        hidden: channels between both convolutions of each SPADE.
        doublings: how often the sides are doubled: 5 to 7, "normal", "more" and "most" in the authors' code. The paper
            has 6 for 256 pixels, whose smallest maps have 4, and the authors' code 5.
        norm: normalization without weights inside SPADE; the paper's is batch normalization over all processes.
        spectral_norm: whether to apply spectral normalization (Miyato et al., 2018) to the convolutions of the blocks.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        width: int = 64,
        hidden: int = 128,
        doublings: int = 5,
        norm: MakeNorm = PlainBatchNorm,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(width=width, hidden=hidden)
        if not 5 <= doublings <= 7:
            raise ValueError(f"doublings is {doublings}; expected 5, 6 or 7")
        if doublings == 7 and width % 2:
            raise ValueError(f"width is {width}; expected an even number for 7 doublings")
        sides_divisible_by(2**doublings, size)
        self.doublings = doublings
        widths = [16 * width, *(growth * width for growth in GROWTH)]
        if doublings == 7:
            widths.append(width // 2)
        self.first = nn.Conv2d(channels_in, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            SPADEBlock(before, after, channels_in, hidden, norm, spectral_norm) for before, after in pairwise(widths)
        )
        self.last = nn.Conv2d(widths[-1], channels_out, 3, padding=1)
        xavier(self.first)
        xavier(self.last)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) of valid sides."""
        labels = (images + 1) / 2
        height, width = images.shape[2:]
        smallest = height // 2**self.doublings, width // 2**self.doublings
        maps: Tensor = self.first(F.interpolate(labels, smallest, mode="nearest"))
        for number, block in enumerate(self.blocks):
            # With five doublings the third block keeps the sides of the second.
            if number and (number != 2 or self.doublings > 5):
                maps = F.interpolate(maps, scale_factor=2.0, mode="nearest")
            maps = block(maps, labels)
        return torch.tanh(self.last(F.leaky_relu(maps, 0.2)))


def xavier(module: nn.Module) -> None:
    """Draw the weights of all convolutions from Xavier's normal distribution, and set biases to 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_normal_(layer.weight, GAIN)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
