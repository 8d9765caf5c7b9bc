"""Changes of size without aliasing (Zhang, 2019), as in CUT's generator (Park et al., 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.layers import reflection_pad


class BlurDownsample(nn.Module):
    """Halves the sides: the low-pass filter [1, 2, 1] along both axes with reflection padding, and every second pixel.

    It has no weights.
    """

    low_pass: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("low_pass", torch.outer(taps, taps), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, C, H / 2, W / 2) for ``maps`` (N, C, H, W), of at least 2 x 2 pixels."""
        channels = maps.shape[1]
        kernel = self.low_pass.expand(channels, 1, 3, 3)
        return F.conv2d(reflection_pad(maps, (1, 1)), kernel, stride=2, groups=channels)


class BlurUpsample(nn.Module):
    """Doubles the sides by bilinear interpolation, which is the low-pass filter [1, 3, 3, 1] along both axes.

    At the borders the outermost pixels are repeated. It has no weights. It is a convolution with fixed weights rather
    than :func:`torch.nn.functional.interpolate`, whose gradient is not deterministic on a GPU.
    """

    low_pass: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        self.register_buffer("low_pass", torch.outer(taps, taps), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, C, 2 H, 2 W) for ``maps`` (N, C, H, W)."""
        channels = maps.shape[1]
        kernel = self.low_pass.expand(channels, 1, 4, 4)
        # Concatenated, since the gradient of PyTorch's padding with repeated pixels is not deterministic on a GPU.
        maps = torch.cat([maps[:, :, :1], maps, maps[:, :, -1:]], dim=2)
        maps = torch.cat([maps[..., :1], maps, maps[..., -1:]], dim=3)
        return F.conv_transpose2d(maps, kernel, stride=2, padding=3, groups=channels)
