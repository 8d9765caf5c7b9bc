"""What is in a folder or an archive of pictures, as far as the settings of a run depend on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_gans.core.image_reader import FileFacts, failure_reason, open_image
from lightning_gans.core.images import has_alpha
from lightning_gans.core.pixel_files import PixelFormat, describe_pixels, holds_array
from lightning_gans.datamodules.cache_folder import FACT
from lightning_gans.datamodules.image_sources import ImageSource, ListedImages, reject_unusable_files
from lightning_gans.datamodules.set_listing import SetListing
from lightning_gans.datamodules.set_summary import SetSummary

MOST_EXAMINED = 1000
"""Largest number of files whose headers are read; of more, so many at equal distances in the order of their names."""

MOST_DECODED = 16
"""Largest number of files with an alpha channel that are decoded to see whether anything in them is transparent."""


@dataclass(frozen=True)
class Survey:
    """What is in a set of pictures. Shapes, channels and bits are those of the training files that were examined.

    Attributes:
        counts: number of images of each split; "train" has those that may be held out for validation.
        shapes: (height, width) of each file in pixels.
        classes: number of training images of each class; empty where there are no classes.
        channels: number of image files for each number of channels, 1 to 4.
        arrays: number of arrays (``.npy`` files, and TIFF files of any channels) for each number of channels.
        deep: number of files of more than 8 bits.
        transparent: whether something is transparent in most of the files with an alpha channel.
        description: pairs of a title and a text for the user.
    """

    counts: Mapping[str, int]
    shapes: Sequence[tuple[int, int]]
    classes: Mapping[str, int] = field(default_factory=dict)
    channels: Mapping[int, int] = field(default_factory=lambda: {3: 1})
    arrays: Mapping[int, int] = field(default_factory=dict)
    deep: int = 0
    transparent: bool = False
    description: Sequence[tuple[str, str]] = ()

    @property
    def examined(self) -> int:
        """Number of files that were examined."""
        return len(self.shapes)


def survey(root: Path, test_root: Path | None, labels: Path | None, split_folders: bool | None) -> Survey:
    """Look through a folder or archive; arguments are those of :class:`.ImageFolderDataModule`.

    Raises:
        InputError: if it cannot be used, or files in it, whose headers say so.
    """
    listing = SetListing(root, test_root, labels, split_folders)
    listed = listing.splits["train"]
    rows = np.unique(np.linspace(0, len(listed.files) - 1, MOST_EXAMINED).round().astype(np.int64))
    chosen = listed._replace(files=listed.files[rows], labels=listed.labels[rows])
    facts, arrays = examine(chosen)
    named = dict(zip(*np.unique(listed.labels.numpy(), return_counts=True), strict=True))
    kinds = [Counter(facts["channels"][arrays == wanted].tolist()) for wanted in (False, True)]
    counts = {split: len(each.files) for split, each in listing.splits.items()}
    return Survey(
        counts=counts,
        shapes=list(zip(facts["height"].tolist(), facts["width"].tolist(), strict=True)),
        classes={name: int(named.get(number, 0)) for number, name in enumerate(listing.classes)},
        channels=kinds[0],
        arrays=kinds[1],
        deep=int((facts["bits"] > 8).sum()),
        transparent=is_transparent(chosen, np.where(arrays, 0, facts["channels"])),
        description=describe(counts, listing.classes, listed, chosen, facts),
    )


def examine(chosen: ListedImages) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
    """What each file holds, (N,) of :data:`.FACT`, and whether it is an array, (N,).

    Raises:
        UnusableFilesError: if files cannot be used.
    """
    facts, arrays = np.zeros(len(chosen.files), FACT), np.zeros(len(chosen.files), np.bool_)

    def read(row: int) -> str | None:
        index = int(chosen.files[row])
        try:
            content = chosen.source.read(index)
            found: FileFacts = describe_pixels(content, chosen.source.names[index])
            arrays[row] = holds_array(content, chosen.source.names[index])
        # Pillow raises all kinds of exceptions; all are caught, so that all files are reported at once.
        except Exception as error:
            return failure_reason(error)
        facts[row] = (*found, int.from_bytes(blake2b(content, digest_size=8).digest(), "little"))
        return None

    rows = np.argsort(chosen.source.places[chosen.files], kind="stable").tolist()
    with ThreadPoolExecutor(1 if chosen.source.sequential else None) as pool:
        reasons = zip(rows, pool.map(read, rows), strict=True)
        bad = [(int(chosen.files[row]), why) for row, why in reasons if why is not None]
    reject_unusable_files(chosen.source, bad, len(facts))
    return facts, arrays


def is_transparent(chosen: ListedImages, channels: NDArray[np.integer[Any]]) -> bool:
    """Whether something is transparent in most of the image files with an alpha channel, of which some are decoded.

    Args:
        chosen: the files.
        channels: (N,) channels of each; 0 of an array.
    """
    files = zip(chosen.files.tolist(), channels.tolist(), strict=True)
    with_alpha = [index for index, count in files if has_alpha(count)]
    found = [shows_through(chosen.source, index) for index in with_alpha[:MOST_DECODED]]
    return 2 * sum(found) > len(found)


def shows_through(source: ImageSource, index: int) -> bool:
    """Whether a pixel of an image file is transparent; not in a damaged one, which is refused when it is decoded."""
    try:
        image = open_image(source.read(index))
    except Exception:  # as above
        return False
    return image.mode == "RGBA" and image.getchannel("A").getextrema()[0] != 255


def describe(
    counts: Mapping[str, int],
    classes: Sequence[str],
    listed: ListedImages,
    chosen: ListedImages,
    facts: NDArray[np.void],
) -> list[tuple[str, str]]:
    """Pairs of a title and a text, as ``lightning-gans prepare`` prints them.

    Args:
        counts: number of images of each split.
        classes: names of the classes.
        listed: the training images.
        chosen: those that were examined.
        facts: what these hold.
    """
    nothing_enlarged = PixelFormat(1, (1, 1))
    examined = SetSummary(nothing_enlarged, classes, {"train": (chosen, facts)})
    images = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    if len(facts) < len(listed.files):
        images += f"; sizes and channels are those of {len(facts):,} of them"
    found = [("images", images)]
    if classes:
        found.append(("classes", SetSummary(nothing_enlarged, classes, {"train": (listed, facts)}).class_balance()))
    found += [("sizes", examined.sizes()), ("channels", examined.channels())]
    if len(facts) == len(listed.files) and (again := examined.duplicates()) != "none":
        found.append(("duplicates", again))
    return found
