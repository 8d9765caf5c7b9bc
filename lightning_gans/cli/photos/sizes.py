"""The size of images that suits pictures of given shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_gans.networks.sizes import LEAST_SIDE, doubled_map

MOST_ENLARGED = 0.05
"""Largest share of the pictures that may be smaller than the size."""

SHAPE_MATTERS = 4.0
"""How many times as much a share of the pictures counts as a share of the pixels, of which fewer are chosen for it."""


class Fit(NamedTuple):
    """How a size suits pictures.

    Attributes:
        size: (height, width) in pixels.
        kept: share of a picture, in [0, 1], that the crop of its shape keeps; the mean over all.
        enlarged: share of the pictures that are smaller than the size.
        bounded: whether a size of more pixels would enlarge more of them, so that their own sizes are the bound.
    """

    size: tuple[int, int]
    kept: float
    enlarged: float
    bounded: bool


def fitting_size(shapes: Sequence[tuple[int, int]], area: int) -> Fit | None:
    """Choose the size of up to ``area`` pixels that keeps most of the pictures, and enlarges few of them.

    The sizes are those that networks have whose maps double their sides. If each of them enlarges more than a twentieth
    of the pictures, a size with a side of the least length is chosen, if it enlarges at most half of them.

    Args:
        shapes: (height, width) of each picture in pixels.
        area: largest number of pixels.

    Returns:
        None if no size enlarges at most half of the pictures.
    """
    given, weights = weighted_shapes(shapes)
    for most, sizes in ((MOST_ENLARGED, possible_sizes(area)), (0.5, smallest_sizes(area))):
        found = [(size, enlarged(given, weights, size)) for size in sizes]
        suitable = [(size, share) for size, share in found if share <= most]
        if suitable:
            size, share = max(suitable, key=lambda each: rating(given, weights, each[0], area))
            larger = [part for (h, w), part in found if h >= size[0] and w >= size[1] and (h, w) != size]
            return Fit(size, float(weights @ kept_shares(given, size)), share, any(part > most for part in larger))
    return None


def fit_of(shapes: Sequence[tuple[int, int]], size: tuple[int, int]) -> Fit:
    """How a given size suits pictures."""
    given, weights = weighted_shapes(shapes)
    return Fit(size, float(weights @ kept_shares(given, size)), enlarged(given, weights, size), False)


def weighted_shapes(shapes: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) the heights and widths that there are, and (N,) the share of the pictures with each."""
    counts = Counter(shapes)
    return np.array(list(counts), np.float64), np.array(list(counts.values()), np.float64) / len(shapes)


def possible_sizes(area: int) -> Iterator[tuple[int, int]]:
    """The sizes (height, width) of up to ``area`` pixels of which networks have a smallest map."""
    longest = area // LEAST_SIDE
    for height in range(LEAST_SIDE, longest + 1, 4):
        for width in range(LEAST_SIDE, area // height + 1, 4):
            if doubled_map((height, width)) is not None:
                yield height, width


def smallest_sizes(area: int) -> Iterator[tuple[int, int]]:
    """Those of :func:`possible_sizes` with a side of the least length."""
    return (size for size in possible_sizes(area) if min(size) == LEAST_SIDE)


def enlarged(shapes: NDArray[np.float64], weights: NDArray[np.float64], size: tuple[int, int]) -> float:
    """The share of the pictures that are smaller than a size.

    Args:
        shapes: (N, 2), heights and widths.
        weights: (N,), the share of the pictures with each shape.
        size: (height, width).
    """
    return float(weights[(shapes < np.array(size)).any(axis=1)].sum())


def kept_shares(shapes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """(N,) the share of each picture that a crop of the shape of ``size`` keeps; arguments as in :func:`enlarged`."""
    ratios = (shapes[:, 1] / shapes[:, 0]) / (size[1] / size[0])
    return np.minimum(ratios, 1 / ratios)


def rating(shapes: NDArray[np.float64], weights: NDArray[np.float64], size: tuple[int, int], area: int) -> float:
    """How well a size suits pictures: the more of each it keeps, and the more pixels it has.

    A root mean square of the logarithms of the shares, so that half of the pictures upright and half across give a
    square, and not one of both shapes.
    """
    lost = np.sqrt(weights @ np.log(kept_shares(shapes, size)) ** 2)
    return float(-SHAPE_MATTERS * lost + np.log(size[0] * size[1] / area))
