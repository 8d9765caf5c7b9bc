"""Checks of networks' arguments: each names the key, the value and what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightning_gans.core.errors import InputError, at_least


def check_widths(side: str, **widths: Sequence[int] | int) -> None:
    """Refuse layers without units.

    Raises:
        InputError: if a list is empty or a width is less than 1.
    """
    for key, given in widths.items():
        values = [given] if isinstance(given, int) else given
        if not values:
            raise InputError(f"{side}.{key} is []; expected the width of at least one layer")
        for value in values:
            at_least(f"{side}.{key}", value, 1)


def check_size(side: str, size: int, expected: Iterable[int]) -> None:
    """Refuse a size that the network cannot have.

    Raises:
        InputError: if ``size`` is none of those expected.
    """
    if size not in (sizes := sorted(expected)):
        raise InputError(f"{side}.size is {size}; expected one of {sizes}")


def check_bound(side: str, bound: float | None) -> None:
    """Refuse an initial range that is not positive.

    Raises:
        InputError: if it is not.
    """
    if bound is not None and bound <= 0:
        raise InputError(f"{side}.init_bound is {bound}; expected a positive number, or null for torch's default")


def check_classes(side: str, num_classes: int) -> None:
    """Refuse a conditional network for data without classes.

    Args:
        side: the network's key.
        num_classes: number of labels, from the data.

    Raises:
        InputError: if there are none.
    """
    if num_classes < 1:
        raise InputError(
            f"{side}.num_classes is {num_classes}, as of data without labels; expected at least 1 for a conditional "
            "network (an image folder needs one folder for each class)"
        )
