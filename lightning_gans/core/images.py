"""The size, the channels and the pixel values of images.

A size is (height, width) in code, and one number for a square where a user writes it. Pixels are uint8 or uint16 in
files, and float in [-1, 1] where networks use them. Images of 1 channel are gray, of 3 RGB; the last of 2 or 4 channels
is alpha, the opacity, and does not multiply the colors; more channels are any values.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_gans.core.errors import at_least

Size = int | tuple[int, int]
"""The size of an image in pixels: (height, width), or one number for a square."""


def height_width(size: Size, name: str = "size") -> tuple[int, int]:
    """Height and width of an image.

    Args:
        size: (height, width), or one number for a square.
        name: the argument's name, for error messages.

    Raises:
        ValueError: if a side is less than 1.
    """
    height, width = (size, size) if isinstance(size, int) else size
    at_least(name, min(height, width), 1)
    return height, width


def plain_size(size: Size) -> Size:
    """The shortest form of a size, as in configs: one number for a square, else (height, width)."""
    height, width = height_width(size)
    return height if height == width else (height, width)


def square_side(size: Size, name: str = "size") -> int:
    """The side of a square image, where other shapes are not supported.

    Args:
        size: (height, width), or one number for a square.
        name: the argument's name, for error messages.

    Raises:
        ValueError: if height and width differ, or are less than 1.
    """
    height, width = height_width(size, name)
    if height != width:
        raise ValueError(f"{name} is {height} x {width}; expected equal height and width")
    return height


HALF_RANGE = {torch.uint8: 127.5, torch.uint16: 32767.5}
"""By the type of pixels, half of the largest level, which is 0 in images in [-1, 1]."""


def pixel_type(bits: int) -> torch.dtype:
    """The type of pixels of 8 or 16 bits."""
    return torch.uint8 if bits == 8 else torch.uint16


def with_bits_of_pixels(operation: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Apply an operation that moves pixels and computes nothing.

    uint16 has few operations in torch, and not the same on all devices; int16 of the same bits has all of them.

    Args:
        operation: function of the pixels.
        pixels: uint8 or uint16.
    """
    if pixels.dtype != torch.uint16:
        return operation(pixels)
    return operation(pixels.view(torch.int16)).view(torch.uint16)


def to_float(pixels: Tensor) -> Tensor:
    """Convert uint8 or uint16 pixels to float32 in [-1, 1]; all levels of 16 bits stay different."""
    if pixels.dtype == torch.uint16:
        return pixels.view(torch.int16).int().bitwise_and_(0xFFFF).float().div_(HALF_RANGE[torch.uint16]).sub_(1)
    return pixels.float().div_(HALF_RANGE[torch.uint8]).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Convert images in [-1, 1] to uint8, rounded and clamped: the exact inverse of :func:`to_float` of 8 bits."""
    return images.detach().float().add(1).mul_(HALF_RANGE[torch.uint8]).round_().clamp_(0, 255).to(torch.uint8)


def to_uint16(images: Tensor) -> Tensor:
    """Convert images in [-1, 1] to uint16, rounded and clamped: the exact inverse of :func:`to_float` of 16 bits."""
    levels = images.detach().float().add(1).mul_(HALF_RANGE[torch.uint16]).round_().clamp_(0, 65535)
    return levels.int().to(torch.int16).view(torch.uint16)


def in_8_bits(pixels: Tensor) -> Tensor:
    """uint8 pixels as they are, and uint16 pixels rounded to uint8, as :func:`to_uint8` makes them of their floats."""
    return to_uint8(to_float(pixels)) if pixels.dtype == torch.uint16 else pixels


def has_alpha(channels: int) -> bool:
    """Whether the last channel of images is alpha, as it is of those of 2 or 4 channels."""
    return channels in (2, 4)


def on_white(images: Tensor) -> Tensor:
    """Composite images with an alpha channel on white.

    Args:
        images: (N, C, H, W) uint8.

    Returns:
        (N, C - 1, H, W) uint8, rounded, if C is 2 or 4; otherwise ``images``.
    """
    if not has_alpha(images.shape[1]):
        return images
    colors, alpha = images[:, :-1].int(), images[:, -1:].int()
    return ((colors * alpha + 255 * (255 - alpha) + 127) // 255).to(torch.uint8)
