"""Where tiles lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.inference.tiled.statistics import Box
from lightning_gans.inference.tiled.storage import Source


class Span(NamedTuple):
    """Where a tile lies along one axis, and which part of it is its own.

    Attributes:
        start: its first pixel.
        stop: the one after its last.
        own_start: the first of its own part, the whole without margins.
        own_stop: the one after the last.
    """

    start: int
    stop: int
    own_start: int
    own_stop: int


def up_to_multiple(length: int, multiple: int) -> int:
    """The next multiple, or the length itself."""
    return -(-length // multiple) * multiple


def spans(length: int, tile: int, margin: int, multiple: int) -> list[Span]:
    """Tiles along an axis, of about one length, with margins around own parts that together are the axis.

    Args:
        length: of the axis, a multiple of ``multiple``.
        tile: largest length of a tile, more than two margins; likewise.
        margin: what a tile sees beyond its own part, where the axis goes on; likewise.
        multiple: where tiles may begin.
    """
    if length <= tile:
        return [Span(0, length, 0, length)]
    count = math.ceil((length - 2 * margin) / (tile - 2 * margin))
    step = up_to_multiple(math.ceil((length - 2 * margin) / count), multiple)
    edges = [0, *range(margin + step, length - margin, step), length]
    return [Span(max(0, a - margin), min(length, b + margin), a, b) for a, b in pairwise(edges)]


def windows(length: int, size: int) -> list[Span]:
    """Windows along an axis that overlap by half or more, each of them its own."""
    count = math.ceil(2 * (length - size) / size) + 1
    starts = [round(i * (length - size) / max(1, count - 1)) for i in range(count)]
    return [Span(start, start + size, start, start + size) for start in starts]


def every_other(along: list[Span]) -> list[Span]:
    """Half of the windows, and the last one: they overlap little, or are side by side."""
    return along[::2] if len(along) % 2 else [*along[::2], along[-1]]


def shares(along: list[Span]) -> list[Tensor]:
    """How much each window counts at each of its pixels (size,): little at its edges; all together 1 at every pixel."""
    size = along[0].stop - along[0].start
    hill = torch.sin(torch.pi * (torch.arange(size) + 0.5) / size).square()
    total = torch.zeros(along[-1].stop)
    for span in along:
        total[span.start : span.stop] += hill
    return [hill / total[span.start : span.stop] for span in along]


class Tiles:
    """The tiles of a picture or of maps, to be gone through again and again.

    Args:
        source: what they are cut from.
        rows: where they lie along one axis.
        columns: and along the other.
        device: where they are needed.
        step: called after each of them, or of those together.
        together: how many make one batch, where all are of one size and wholly their own.

    Attributes:
        places: rows and columns of each, in their order.
    """

    def __init__(
        self,
        source: Source,
        rows: list[Span],
        columns: list[Span],
        device: torch.device,
        step: Callable[[], None],
        together: int = 1,
    ) -> None:
        self.source, self.device, self.step, self.together = source, device, step, together
        self.places = list(product(rows, columns))

    def __len__(self) -> int:
        """How many batches there are."""
        return math.ceil(len(self.places) / self.together)

    def __iter__(self) -> Iterator[tuple[Tensor, Box]]:
        """Each tile (1, C, H, W), or as many as go together (N, C, H, W), and its own part of it."""
        for at in range(0, len(self.places), self.together):
            places = self.places[at : at + self.together]
            own = [slice(axis.own_start - axis.start, axis.own_stop - axis.start) for axis in places[0]]
            yield torch.cat([self._cut(*place) for place in places]), (own[0], own[1])
            self.step()

    def first(self) -> Tensor:
        """The first tile."""
        return self._cut(*self.places[0])

    def _cut(self, rows: Span, columns: Span) -> Tensor:
        return self.source.read(slice(rows.start, rows.stop), slice(columns.start, columns.stop)).to(self.device)
