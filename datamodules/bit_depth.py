"""How many bits of each channel are kept of image files: 8 or 16, as most of the files have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath

import numpy as np
from lightning.pytorch.utilities import rank_zero_info

from lightning_gans.core.array_files import ARRAY
from lightning_gans.core.image_reader import read_file
from lightning_gans.core.pixel_files import describe_pixels
from lightning_gans.datamodules.image_cache import Listing
from lightning_gans.datamodules.image_sources import ListedImages

DEEP_EXTENSIONS = (ARRAY, ".png", ".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k")
"""Extensions of files that may have more than 8 bits, in lower case; others are not opened to see it."""

MOST_EXAMINED = 100
"""Largest number of files that are opened; of more, so many at equal distances."""


def check_bits(name: str, bits: int | None) -> int | None:
    """Return a number of bits that a user gave.

    Raises:
        ValueError: if it is neither 8 nor 16.
    """
    if bits not in (None, 8, 16):
        raise ValueError(f"{name} is {bits}; expected 8, 16 or null")
    return bits


def usual_bits(names: list[str], read: Callable[[int], bytes], sequential: bool = False) -> int:
    """16 if at least half of the files have more than 8 bits per channel, else 8.

    Args:
        names: the names of the files.
        read: function of an index that returns the content of a file; errors in a file are left to those who decode it.
        sequential: whether reading on is much faster than elsewhere: then the first files are opened.
    """
    count = min(len(names), MOST_EXAMINED)
    rows = range(count) if sequential else np.linspace(0, len(names) - 1, count).round().astype(int).tolist()
    deep = sum(has_more_bits(names[row], partial(read, row)) for row in rows)
    return 16 if 0 < count <= 2 * deep else 8


def has_more_bits(name: str, read: Callable[[], bytes]) -> bool:
    """Whether a file has more than 8 bits per channel; not if it cannot be read."""
    if PurePath(name).suffix.lower() not in DEEP_EXTENSIONS:
        return False
    try:
        return describe_pixels(read(), name).bits > 8
    except Exception:  # decoders raise all kinds of exceptions; when the file is decoded, the error names it
        return False


def bits_of_listed(listed: ListedImages) -> int:
    """The bits that are kept of images of one domain; see :func:`usual_bits`."""
    source = listed.source
    files = listed.files[np.argsort(source.places[listed.files], kind="stable")].tolist()
    names = [source.names[index] for index in files]
    return usual_bits(names, lambda row: source.read(files[row]), source.sequential)


def bits_of_files(paths: list[Path]) -> int:
    """The bits that are kept of the images in these files; see :func:`usual_bits`."""
    return usual_bits([path.name for path in paths], lambda row: read_file(paths[row]))


def bits_of_domains(given: tuple[int | None, int | None], listings: list[Listing]) -> tuple[int, int]:
    """The bits that are kept of the images of each of two domains.

    Args:
        given: those of each domain that the user wants; None for those that most files have.
        listings: the training files, of pairs or of each domain; not used if both are given.
    """
    bits = []
    for domain, wanted in enumerate(given):
        if wanted is None:
            paths = listings[min(domain, len(listings) - 1)].paths
            wanted = bits_of_files([files[min(domain, len(files) - 1)] for files in paths])
        bits.append(wanted)
        if wanted == 16:
            rank_zero_info(f"data: 16 bits of each channel of domain {'ab'[domain]} are kept")
    return bits[0], bits[1]
