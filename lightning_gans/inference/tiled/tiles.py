"""Tiles: their positions, and the images and feature maps that they are read from and written to."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.inference.tiled.statistics import Box


class Source(Protocol):
    """An image or feature maps that tiles are read from.

    Attributes:
        size: height and width.
    """

    size: tuple[int, int]

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Read a tile (1, C, H, W) float."""


class Sink(Protocol):
    """An image or feature maps that tiles are written to."""

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Write a tile (C, H, W) float."""


class ReflectPadded:
    """An image that is padded at the bottom and on the right by repeated reflection.

    Args:
        image: (C, H, W), uint8, or float in [-1, 1].
        size: padded height and width.
    """

    def __init__(self, image: Tensor, size: tuple[int, int]) -> None:
        self.image, self.size = image, size
        lengths = zip(image.shape[1:], size, strict=True)
        self._rows, self._columns = (reflect_indices(length, padded) for length, padded in lengths)

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Read a tile (1, C, H, W) float in [-1, 1]."""
        # Indexing with one axis after the other would copy whole rows for each tile.
        pixels = self.image[:, self._rows[rows, None], self._columns[columns]][None]
        return pixels if pixels.is_floating_point() else to_float(pixels)


def reflect_indices(length: int, padded: int) -> Tensor:
    """Indices (padded,) of ``length`` pixels along a reflect-padded axis; the pixels at the ends are not repeated."""
    period = max(1, 2 * (length - 1))
    places = torch.arange(padded) % period
    return torch.minimum(places, period - places) if length > 1 else torch.zeros_like(places)


class Canvas:
    """The translated image.

    Args:
        channels: number of channels.
        size: height and width.
        dtype: uint8 or a float type.

    Attributes:
        pixels: (channels, H, W), uninitialized where nothing was written.
    """

    def __init__(self, channels: int, size: tuple[int, int], dtype: torch.dtype) -> None:
        self.size = size
        self.pixels = torch.empty(channels, *size, dtype=dtype)

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Write a tile (C, H, W) in [-1, 1]."""
        self.pixels[:, rows, columns] = maps if self.pixels.is_floating_point() else to_uint8(maps)


class FeatureMapFile:
    """Feature maps in a temporary file, which is deleted when it is closed.

    Not a memory map, since its pages would count as memory. The channels of a pixel are adjacent, so that a row of a
    tile is contiguous.

    Args:
        channels: number of channels.
        size: height and width.
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        self.channels, self.size = channels, size
        self._file = tempfile.TemporaryFile(prefix="lightning-gans-", buffering=0)  # noqa: SIM115 (closed on exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close and delete the file."""
        self._file.close()

    def _seek(self, row: int, column: int) -> None:
        self._file.seek(4 * self.channels * (row * self.size[1] + column))

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Read a tile (1, C, H, W) float32."""
        values = np.empty((rows.stop - rows.start, columns.stop - columns.start, self.channels), dtype=np.float32)
        for row, line in enumerate(values, rows.start):
            self._seek(row, columns.start)
            if self._file.readinto(line.data) != line.nbytes:
                raise OSError(0, "the temporary file is truncated")
        return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous()

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Write a tile (C, H, W)."""
        lines = maps.permute(1, 2, 0).contiguous().cpu().float().numpy()
        for row, line in enumerate(lines, rows.start):
            self._seek(row, columns.start)
            rest = line.data.cast("B")
            while rest:  # an unbuffered write may be partial, such as the last one before a disk is full
                rest = rest[self._file.write(rest) :]


class Span(NamedTuple):
    """Position of a tile along one axis, and of its core, the part without margins.

    Attributes:
        start: first pixel of the tile.
        stop: one past the last pixel of the tile.
        core_start: first pixel of the core.
        core_stop: one past the last pixel of the core.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int


def round_up(length: int, multiple: int) -> int:
    """The smallest multiple of ``multiple`` that is at least ``length``."""
    return -(-length // multiple) * multiple


def tile_spans(length: int, tile: int, margin: int, multiple: int) -> list[Span]:
    """Tiles of similar length along an axis, whose cores cover it without overlap.

    Args:
        length: length of the axis, a multiple of ``multiple``.
        tile: largest length of a tile, a multiple of ``multiple`` and more than two margins.
        margin: pixels on either side of a core, except at the ends of the axis; a multiple of ``multiple``.
        multiple: tiles and cores start at multiples of this number.
    """
    if length <= tile:
        return [Span(0, length, 0, length)]
    count = math.ceil((length - 2 * margin) / (tile - 2 * margin))
    step = round_up(math.ceil((length - 2 * margin) / count), multiple)
    edges = [0, *range(margin + step, length - margin, step), length]
    return [Span(max(0, a - margin), min(length, b + margin), a, b) for a, b in pairwise(edges)]


def window_spans(length: int, size: int) -> list[Span]:
    """Windows of ``size`` pixels along an axis that overlap by at least half; a window is all core."""
    count = math.ceil(2 * (length - size) / size) + 1
    starts = [round(i * (length - size) / max(1, count - 1)) for i in range(count)]
    return [Span(start, start + size, start, start + size) for start in starts]


def every_other(along: list[Span]) -> list[Span]:
    """Every second window and the last one, which cover the axis with little or no overlap."""
    return along[::2] if len(along) % 2 else [*along[::2], along[-1]]


def blend_weights(along: list[Span]) -> list[Tensor]:
    """Weight of each window at each of its pixels (size,): low at its edges; the weights at every pixel add up to 1."""
    size = along[0].stop - along[0].start
    bump = torch.sin(torch.pi * (torch.arange(size) + 0.5) / size).square()
    total = torch.zeros(along[-1].stop)
    for span in along:
        total[span.start : span.stop] += bump
    return [bump / total[span.start : span.stop] for span in along]


class Tiles:
    """The tiles of an image or of feature maps; can be iterated over several times.

    Args:
        source: the image or feature maps.
        rows: vertical positions.
        columns: horizontal positions.
        device: device of the tiles.
        on_batch: called after each batch.
        batch_size: tiles per batch; more than 1 only for tiles of equal size without margins.

    Attributes:
        places: rows and columns of each tile, in order.
    """

    def __init__(
        self,
        source: Source,
        rows: list[Span],
        columns: list[Span],
        device: torch.device,
        on_batch: Callable[[], None],
        batch_size: int = 1,
    ) -> None:
        self.source, self.device, self.on_batch, self.batch_size = source, device, on_batch, batch_size
        self.places = list(product(rows, columns))

    def __len__(self) -> int:
        """Number of batches."""
        return math.ceil(len(self.places) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Box]]:
        """Batches of tiles (N, C, H, W), and the core within them."""
        for at in range(0, len(self.places), self.batch_size):
            places = self.places[at : at + self.batch_size]
            core = [slice(axis.core_start - axis.start, axis.core_stop - axis.start) for axis in places[0]]
            yield torch.cat([self._cut(*place) for place in places]), (core[0], core[1])
            self.on_batch()

    def first(self) -> Tensor:
        """The first tile (1, C, H, W)."""
        return self._cut(*self.places[0])

    def _cut(self, rows: Span, columns: Span) -> Tensor:
        return self.source.read(slice(rows.start, rows.stop), slice(columns.start, columns.stop)).to(self.device)
