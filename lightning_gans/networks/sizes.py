"""The sizes of images that networks support, and the smallest feature map from which a size is reached by doublings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from lightning_gans.core.images import Size, height_width, square_side

SMALLEST_SIDES = (4, 7)
"""Least and largest length of the shorter side of the smallest feature map, in pixels."""

LEAST_SIDE = 16
"""Least length of the shorter side of an image, in pixels."""


class SmallestMap(NamedTuple):
    """The smallest feature map of a network whose maps double their sides up to the image.

    Attributes:
        height: in pixels.
        width: in pixels.
        doublings: how often both sides are doubled.
    """

    height: int
    width: int
    doublings: int


def smallest_map(size: Size) -> SmallestMap:
    """Return the feature map from which images of a size are reached by doubling both sides.

    Its shorter side has 4 to 7 pixels, which fixes the number of doublings: 28 x 28 is reached from 7 x 7, 64 x 64 from
    4 x 4, 96 x 160 from 6 x 10. So both sides of the images have to be multiples of 4 if the shorter one has 16 to 31
    pixels, of 8 if it has 32 to 63, of 16 if it has 64 to 127, and so on.

    Args:
        size: (height, width) of the images in pixels, or one number for a square; each at least 16.

    Raises:
        ValueError: if no such map exists; the message names sizes near by that have one.
    """
    found = doubled_map(size)
    if found is None:
        shorter = max(min(height_width(size)), LEAST_SIDE)
        multiple = 2 ** doublings_of(shorter)
        sides = f"sides of at least {LEAST_SIDE} pixels" if min(height_width(size)) < LEAST_SIDE else "sides"
        near = " or ".join(map(size_text, nearest_sizes(size)))
        raise ValueError(
            f"size is {size_text(size)}; expected {sides} that are multiples of {multiple}, such as {near}"
        )
    return found


def doublings_of(shorter: int) -> int:
    """Return how often the shorter side is halved until it has 4 to 7 pixels, rounded down."""
    return (shorter // SMALLEST_SIDES[0]).bit_length() - 1


def doubled_map(size: Size) -> SmallestMap | None:
    """Return what :func:`smallest_map` does, or None in place of the error."""
    height, width = height_width(size)
    if min(height, width) < LEAST_SIDE:
        return None
    doublings = doublings_of(min(height, width))
    if height % 2**doublings or width % 2**doublings:
        return None
    return SmallestMap(height >> doublings, width >> doublings, doublings)


def nearest_sizes(size: Size, count: int = 2) -> list[tuple[int, int]]:
    """Return the sizes with a smallest map that differ least from a size, squares for a square.

    The difference is the larger of the relative differences of the sides.
    """
    given = height_width(size)
    # The multiples of every power of two around each side, of which the valid combinations remain.
    powers = [2**n for n in range(2, max(doublings_of(max(given)), 2) + 2)]
    sides = [{max(side // m * m + up, LEAST_SIDE) for m in powers for up in (0, m)} for side in given]
    near = [(side, side) for side in sides[0]] if given[0] == given[1] else list(product(*sides))

    def difference(other: tuple[int, int]) -> tuple[float, int]:
        ratios = [max(a, b) / min(a, b) for a, b in zip(given, other, strict=True)]
        return max(ratios), other[0] * other[1]

    return sorted((other for other in near if doubled_map(other)), key=difference)[:count]


def size_text(size: Size) -> str:
    """Return a size as messages show it: one number for a square, else height x width."""
    height, width = height_width(size)
    return str(height) if height == width else f"{height} x {width}"


def side_of(size: Size, sides: Iterable[int]) -> int:
    """Return the side of square images of a network that supports only certain sides.

    Raises:
        ValueError: if the images are not square, or their side is not one of ``sides``.
    """
    if (side := square_side(size)) not in (known := sorted(sides)):
        raise ValueError(f"size is {side}; expected one of {known}")
    return side


def shortest_of(size: Size, sides: Iterable[int]) -> int:
    """Return the shorter side of images of a network that supports only certain ones, and their multiples.

    Raises:
        ValueError: if the shorter side is not one of ``sides``, or the longer one is no multiple of it.
    """
    shorter, longer = sorted(height_width(size))
    if shorter not in (known := sorted(sides)):
        name = "size" if shorter == longer else "the shorter side of size"
        raise ValueError(f"{name} is {shorter}; expected one of {known}")
    if longer % shorter:
        raise ValueError(f"size is {size_text(size)}; expected a longer side that is a multiple of the shorter one")
    return shorter


def sides_divisible_by(multiple: int, size: Size, least: int = 1) -> tuple[int, int]:
    """Return height and width of images of a network that supports multiples of a number.

    Raises:
        ValueError: if a side is less than ``least`` or no multiple of ``multiple``.
    """
    sides = height_width(size)
    if any(side % multiple or side < least for side in sides):
        at_this_least = f" from {least} up" if least > multiple else ""
        expected = f"a multiple of {multiple}" if sides[0] == sides[1] else f"multiples of {multiple}"
        raise ValueError(f"size is {size_text(size)}; expected {expected}{at_this_least}")
    return sides
