"""Where the tiles of a picture come from, and where they go: the picture itself, a temporary file, the result."""

from __future__ import annotations

import tempfile
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from lightning_gans.core.pixels import to_float, to_uint8


class Source(Protocol):
    """Something that tiles can be cut from.

    Attributes:
        sides: height and width.
    """

    sides: tuple[int, int]

    def read(self, rows: slice, columns: slice) -> Tensor:
        """A tile (1, C, H, W) float."""


class Sink(Protocol):
    """Something that tiles can be put into."""

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Put in maps (C, H, W) float."""


class Mirrored:
    """A picture that is reflected at its lower and right borders, as often as its new sides take it.

    Args:
        picture: (C, H, W), uint8, or float in [-1, 1].
        sides: height and width, at least the picture's.
    """

    def __init__(self, picture: Tensor, sides: tuple[int, int]) -> None:
        self.picture, self.sides = picture, sides
        old = picture.shape[1:]
        self._rows, self._columns = (reflected(length, side) for length, side in zip(old, sides, strict=True))

    def read(self, rows: slice, columns: slice) -> Tensor:
        """A tile (1, C, H, W) float in [-1, 1]."""
        pixels = self.picture[:, self._rows[rows]][:, :, self._columns[columns]][None]
        return pixels if pixels.is_floating_point() else to_float(pixels)


def reflected(length: int, side: int) -> Tensor:
    """Which of ``length`` pixels stands where along a side (side,), without repeating those at the ends."""
    period = max(1, 2 * (length - 1))
    places = torch.arange(side) % period
    return torch.minimum(places, period - places) if length > 1 else torch.zeros_like(places)


class Canvas:
    """The result.

    Args:
        channels: of the picture.
        sides: its height and width.
        dtype: uint8 for pixels; else they stay as they are.

    Attributes:
        pixels: (channels, H, W), uninitialised where nothing was written.
    """

    def __init__(self, channels: int, sides: tuple[int, int], dtype: torch.dtype) -> None:
        self.sides = sides
        self.pixels = torch.empty(channels, *sides, dtype=dtype)

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Put in a tile (C, H, W) in [-1, 1]."""
        self.pixels[:, rows, columns] = maps if self.pixels.is_floating_point() else to_uint8(maps)


class Parked:
    """Feature maps in a temporary file, which is gone when it is closed.

    A file and no memory map, whose pages would count as memory. A pixel's channels lie side by side, so that a row of a
    tile is one piece.

    Args:
        channels: of the maps.
        sides: their height and width.
    """

    def __init__(self, channels: int, sides: tuple[int, int]) -> None:
        self.channels, self.sides = channels, sides
        self._file = tempfile.TemporaryFile(prefix="lightning-gans-", buffering=0)  # noqa: SIM115 (closed on exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def _seek(self, row: int, column: int) -> None:
        self._file.seek(4 * self.channels * (row * self.sides[1] + column))

    def read(self, rows: slice, columns: slice) -> Tensor:
        """A tile (1, C, H, W) float32."""
        values = np.empty((rows.stop - rows.start, columns.stop - columns.start, self.channels), dtype=np.float32)
        for row, line in enumerate(values, rows.start):
            self._seek(row, columns.start)
            if self._file.readinto(line.data) != line.nbytes:
                raise OSError(0, "the temporary file is not as it was written")
        return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous()

    def write(self, rows: slice, columns: slice, maps: Tensor) -> None:
        """Put in maps (C, H, W)."""
        lines = maps.permute(1, 2, 0).contiguous().cpu().float().numpy()
        for row, line in enumerate(lines, rows.start):
            self._seek(row, columns.start)
            rest = line.data.cast("B")
            while rest:  # a raw file may take a part, as the last one before a disk is full
                rest = rest[self._file.write(rest) :]
