"""Sets of pictures that cannot be trained on, with all reasons at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lightning_gans.cli.photos.survey import Survey
from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names

LEAST_IMAGES = 10
"""Least number of training images."""

MOST_CHANNELS = 4
"""Largest number of channels of an image file."""


def refuse_unusable(found: Survey, given: Mapping[str, Any]) -> None:
    """Refuse pictures that cannot be trained on, or not as they are.

    Args:
        found: what is in the set.
        given: values of the command line by dotted key.

    Raises:
        InputError: if they cannot; it has all reasons.
    """
    if reasons := list(reasons_against(found)):
        root = given["data.root"]
        raise InputError(f"data.root is {root}, whose pictures cannot be trained on: {'; '.join(reasons)}")


def reasons_against(found: Survey) -> Iterator[str]:
    """The reasons for which pictures cannot be trained on."""
    if (count := found.counts["train"]) < LEAST_IMAGES:
        yield f"there are {count}, but a run needs at least {LEAST_IMAGES}"
    if len(found.arrays) > 1:
        counts = " and ".join(f"{each} ({number:,} files)" for each, number in sorted(found.arrays.items()))
        yield f"the arrays have different numbers of channels, {counts}, which cannot be converted into each other"
    elif found.channels and any(each > MOST_CHANNELS for each in found.arrays):
        (each,) = found.arrays
        yield f"arrays have {each} channels, and image files among them at most {MOST_CHANNELS}; keep one of both"
    if single := [name for name, number in found.classes.items() if number < 2]:
        which = "class has" if len(single) == 1 else "classes have"
        yield (
            f"{len(single):,} {which} fewer than 2 pictures ({list_names(single)}); put all pictures into one folder "
            "if folders are no classes, or leave these out"
        )
