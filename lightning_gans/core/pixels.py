"""The two ways to hold pixels: uint8 as in a file, float in [-1, 1] as networks see them."""

from __future__ import annotations

import torch
from torch import Tensor


def to_float(pixels: Tensor) -> Tensor:
    """Float32 in [-1, 1] from uint8."""
    return pixels.float().div_(127.5).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Uint8 from float in [-1, 1]: rounded to the nearest level, clamped, exact inverse of :func:`to_float`."""
    return images.detach().float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
