"""Resampling of feature maps by 2 with a fixed low-pass filter, as in StyleGAN2 and R3GAN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Resample(nn.Module):
    """Base class of layers with the low-pass filter [1, 3, 3, 1] along both axes, zero padding.

    It is a convolution with fixed weights rather than :func:`torch.nn.functional.interpolate`, whose gradient is not
    deterministic on a GPU.
    """

    low_pass: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("low_pass", torch.outer(taps, taps), persistent=False)

    def kernel(self, channels: int) -> Tensor:
        """Return the filter of a convolution with a group for each channel, (channels, 1, 4, 4); each sums to 1."""
        return self.low_pass.expand(channels, 1, 4, 4)


class Downsample(Resample):
    """Halves the sides."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, C, H / 2, W / 2) for ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        return F.conv2d(maps, self.kernel(channels), stride=2, padding=1, groups=channels)


class Upsample(Resample):
    """Doubles the sides; the filter is bilinear interpolation."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, C, 2 H, 2 W) for ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        # Three of the four pixels under the filter are zeros inserted between the input pixels; the factor compensates.
        return F.conv_transpose2d(maps, 4 * self.kernel(channels), stride=2, padding=1, groups=channels)


class LowPass(Resample):
    """The filter alone, in front of a convolution of stride 2 or behind a transposed one.

    Args:
        padding: zeros on each side; the output's sides are longer by twice this number, less 3.
        gain: factor of the output; 4 behind a transposed convolution of stride 2, as in :class:`Upsample`.
    """

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.padding, self.gain = padding, gain

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, C, H', W') for ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        return F.conv2d(maps, self.gain * self.kernel(channels), padding=self.padding, groups=channels)
