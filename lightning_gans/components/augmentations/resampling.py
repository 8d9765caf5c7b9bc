"""Images from transformed positions, as ADA resamples them (Karras et al., 2020, appendix B).

An image is made twice as fine with the low-pass filter of the wavelet sym6, sampled bilinearly, and made half as fine
with the reversed filter. The filter is orthogonal, so that an image that is not transformed remains as it is. Outside
its borders an image goes on as its reflection, without repeating the last pixel.

All of this is linear, and differentiable twice. An image whose rows and columns remain rows and columns is multiplied
by one matrix for each axis; one that is rotated by another angle is made fine, as far as it takes, and sampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import sent

SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
"""Daubechies' least asymmetric wavelet with six vanishing moments: its low-pass filter, of norm 1."""

RIM = 3
"""Pixels at each side of the output that are computed for the filter's sake, and left out in the end."""

CHUNK, CPU_CHUNK = 2**26, 2**18
"""Largest number of values of fine images that are computed at once. On a CPU it is what fits into its cache, which is
many times faster."""


def transform(images: Tensor, positions: Tensor) -> Tensor:
    """Transform images.

    Args:
        images: (N, C, H, W) float32.
        positions: matrices (N, 3, 3) float64, on the CPU, from positions (x, y, 1) in the output to those in the image,
            in pixels from the center, right and down.

    Returns:
        (N, C, H, W); if all matrices are the identity, ``images``.
    """
    changed = (positions != torch.eye(3, dtype=torch.float64)).flatten(1).any(dim=1).nonzero()[:, 0]
    if not len(changed):
        return images
    height, width = images.shape[2:]
    device = images.device
    fine = fine_positions(positions[changed], height, width)
    rows, done = [], []
    for part, kind in _chunks(images, fine):
        rows.append(changed[part])
        these, where = images[sent(rows[-1], device)], fine[part]
        if kind == "rotated":
            done.append(_sample(these, where))
        elif kind == "upright":
            done.append(_stretch(these, where, height, width))
        else:
            done.append(_stretch(these.transpose(2, 3), where.flip(1), height, width))
    return images.index_copy(0, sent(torch.cat(rows), device), torch.cat(done))


def fine_positions(positions: Tensor, height: int, width: int) -> Tensor:
    """Positions in pixels from the center as those of fine images.

    Returns:
        Matrices (N, 2, 3) float64 from (x, y, 1) in the fine output, from its center, to the row and the column in the
        fine image, from its first pixel.
    """
    linear = positions[:, [1, 0], :2]
    # The filter moves the fine image by half a fine pixel.
    constant = linear.sum(dim=2) / 2 + 2 * positions[:, [1, 0], 2] + positions.new_tensor([height, width]) - 1
    return torch.cat([linear, constant[:, :, None]], dim=2)


def _chunks(images: Tensor, fine: Tensor) -> Iterator[tuple[Tensor, str]]:
    """Indices of images that are transformed together, with the kind of their transformation."""
    channels, height, width = images.shape[1:]
    upright = (fine[:, 0, 0] == 0) & (fine[:, 1, 1] == 0)
    sideways = (fine[:, 0, 1] == 0) & (fine[:, 1, 0] == 0)
    limit = (CPU_CHUNK if images.device.type == "cpu" else CHUNK) // channels
    for kind, chosen in (("upright", upright), ("sideways", sideways & ~upright)):
        if len(part := chosen.nonzero()[:, 0]):
            yield from ((each, kind) for each in torch.split(part, max(1, limit // (2 * height * width))))
    if len(part := (~(upright | sideways)).nonzero()[:, 0]):
        # Images that take similar parts of their fine images come together.
        pixels, order = _box(fine[part], height, width)[1].prod(dim=1).sort()
        count = max(1, limit // int(pixels[len(pixels) // 2]))
        yield from ((each, "rotated") for each in torch.split(part[order], count))


def _stretch(images: Tensor, fine: Tensor, height: int, width: int) -> Tensor:
    """Resample images (N, C, H', W') whose rows and columns stay rows and columns: (N, C, height, width)."""
    vertical = _axis(fine[:, 0, 1], fine[:, 0, 2], images.shape[2], height, images)
    horizontal = _axis(fine[:, 1, 0], fine[:, 1, 2], images.shape[3], width, images)
    return vertical[:, None] @ (images @ horizontal[:, None].transpose(2, 3))


def _axis(factors: Tensor, offsets: Tensor, side: int, to: int, images: Tensor) -> Tensor:
    """Matrices (N, to, side) that resample one axis of images, at the fine positions factor * x + offset, (N,) each."""
    matrix, down = (each(length, images) for each, length in ((upsampling, side), (downsampling, to)))
    places = factors[:, None] * centered(2 * (to + 2 * RIM)).double() + offsets[:, None]
    first = places.floor()
    share = sent((places - first).to(images.dtype), images.device)[:, :, None]
    first = sent(first.long() % len(matrix), images.device)
    return down @ torch.lerp(matrix[first], matrix[(first + 1) % len(matrix)], share)


def _box(fine: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The part of each fine image that is sampled: its first row and column (N, 2), and its height and width (N, 2)."""
    reach = fine.new_tensor([width, height]) + 2 * RIM - 0.5
    extent = (fine[:, :, :2].abs() * reach).sum(dim=2)
    first = (fine[:, :, 2] - extent).floor() - 1
    return first, (2 * extent).ceil().long() + 4


def _sample(images: Tensor, fine: Tensor) -> Tensor:
    """Resample images (N, C, H, W) at any fine positions."""
    count, channels, height, width = images.shape
    device = images.device
    first, sizes = _box(fine, height, width)
    rows, columns = sizes.amax(dim=0).tolist()
    fine = torch.cat([fine[:, :, :2], (fine[:, :, 2] - first)[:, :, None]], dim=2).to(images.dtype)
    fine, first = (sent(each, device) for each in (fine, first.long()))
    vertical, horizontal = _part(height, first[:, 0], rows, images), _part(width, first[:, 1], columns, images)
    values = (vertical @ (images.transpose(0, 1) @ horizontal.transpose(1, 2))).flatten(1)
    # Reads by index are differentiable twice, and deterministic where that is asked for; `grid_sample` is neither.
    x, y = (sent(centered(2 * (side + 2 * RIM)), device) for side in (width, height))
    y = y[:, None]
    row, column = (m[:, 0, None, None] * x + m[:, 1, None, None] * y + m[:, 2, None, None] for m in fine.unbind(1))
    top, left = row.floor(), column.floor()
    images_before = torch.arange(count, device=device)[:, None, None] * rows * columns
    places = (images_before + top.long() * columns + left.long()).flatten()
    below, beside = (row - top).flatten(), (column - left).flatten()

    def read(offset: int) -> Tensor:
        return values.index_select(1, places + offset)

    upper, lower = (torch.lerp(read(offset), read(offset + 1), beside) for offset in (0, columns))
    sampled = torch.lerp(upper, lower, below).view(channels, *row.shape)
    return (downsampling(height, images) @ (sampled @ downsampling(width, images).T)).transpose(0, 1)


def _part(side: int, first: Tensor, count: int, images: Tensor) -> Tensor:
    """The matrices (N, count, side) that make ``count`` rows of fine images, from the row ``first`` (N,) on."""
    matrix = upsampling(side, images)
    return matrix[(first[:, None] + torch.arange(count, device=first.device)) % len(matrix)]


def centered(count: int) -> Tensor:
    """Positions of ``count`` pixels in a row, from its center: (count,)."""
    return torch.arange(count) - (count - 1) / 2


def upsampling(side: int, like: Tensor) -> Tensor:
    """The matrix (period, side) that makes a row of ``side`` pixels twice as fine, as a tensor like another.

    The fine row goes on with the row's reflection: its pixels repeat with a period of 4 * (side - 1).
    """
    return _upsampling(side, like.device).to(like.dtype)


@lru_cache(maxsize=16)
def _upsampling(side: int, device: torch.device) -> Tensor:
    period = 2 * max(1, 2 * (side - 1))
    offsets = torch.arange(period)[:, None] + len(SYM6) // 2 - 1 - torch.arange(len(SYM6))
    weights = torch.where(offsets % 2 == 0, torch.tensor(SYM6, dtype=torch.float64) * math.sqrt(2), 0.0)
    matrix = torch.zeros(period, side, dtype=torch.float64)
    return matrix.scatter_add(1, reflected(offsets // 2, side), weights).float().to(device)


def downsampling(side: int, like: Tensor) -> Tensor:
    """The matrix (side, 2 * (side + 2 * RIM)) that makes a fine row half as fine, as a tensor like another."""
    return _downsampling(side, like.device).to(like.dtype)


@lru_cache(maxsize=16)
def _downsampling(side: int, device: torch.device) -> Tensor:
    offsets = torch.arange(2 * (side + 2 * RIM)) - 2 * torch.arange(side)[:, None] - 1
    taps = torch.tensor(SYM6, dtype=torch.float64) / math.sqrt(2)
    inside = (offsets >= 0) & (offsets < len(SYM6))
    return torch.where(inside, taps[offsets.clamp(0, len(SYM6) - 1)], 0.0).float().to(device)


def reflected(index: Tensor, side: int) -> Tensor:
    """The pixels of a row of ``side`` that are at indices outside of it, where the row goes on as its reflection."""
    period = max(1, 2 * (side - 1))
    index = index % period
    return torch.minimum(index, period - index)
