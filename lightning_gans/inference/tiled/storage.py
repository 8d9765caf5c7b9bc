"""Images and feature maps that tiles are read from and written to."""

from __future__ import annotations

import tempfile
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from lightning_gans.core.images import to_float, to_uint8


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
        pixels = self.image[:, self._rows[rows]][:, :, self._columns[columns]][None]
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
