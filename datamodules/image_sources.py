"""Where image files come from: a place with files, each with its state when it was listed."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn
from numpy.typing import NDArray
from torch import Tensor

from lightning_gans.core.array_files import ARRAY
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import EXTENSIONS, find_files
from lightning_gans.core.image_reader import FileFacts, failure_reason, read_file
from lightning_gans.core.names import list_names
from lightning_gans.core.pixel_files import READABLE_ARRAYS, PixelFormat, decode_pixels
from lightning_gans.datamodules.file_states import CHANGED, changes_sentence

FOLDER_EXTENSIONS = (*EXTENSIONS, ARRAY)
"""Extensions of the files that are taken from folders and archives."""

DATASET_JSON = "dataset.json"
"""The file with labels in data sets that were made with StyleGAN's tools."""


class ImageSource(ABC):
    """Image files of one place.

    Args:
        key: name of the argument whose value is ``location``, for messages.
        location: the place.
        names: the files, relative to the place and with "/", sorted by folder and name.
        states: (N, 2) int64, the size of each file in bytes, and a number that changes when its content does.
    """

    def __init__(self, key: str, location: Path, names: Sequence[str], states: NDArray[np.int64]) -> None:
        self.key, self.location, self.names, self.states = key, location, names, states

    sequential = False
    """Whether one process must read the files, in the order of their places, to read the place only once."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def places(self) -> NDArray[np.int64]:
        """(N,) numbers in whose order the files are read best."""
        return np.arange(len(self))

    @abstractmethod
    def dataset_json(self) -> bytes | None:
        """The content of ``dataset.json``, which may hold labels; None if there is none."""

    @property
    def subject(self) -> str:
        """The start of messages, such as "root is photos, which"."""
        return f"{self.key} is {self.location}, which"

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(N,) size of each file in bytes."""
        return self.states[:, 0]

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The content of a file.

        Raises:
            ValueError: if it cannot be used, with the reason.
            OSError: if it cannot be read.
        """

    @abstractmethod
    def state_now(self, index: int) -> tuple[int, int] | None:
        """The state of a file as it is now; None if it is not there."""

    def has_changed(self, index: int) -> bool:
        """Whether a file differs from what was listed."""
        return self.state_now(index) != tuple(self.states[index].tolist())

    @rank_zero_only
    def warn_of_changes(self) -> None:
        """Warn of files that differ from what was listed."""
        if changed := [self.names[index] for index in range(len(self)) if self.has_changed(index)]:
            rank_zero_warn(changes_sentence(self.key, self.location, changed, len(self)))


class FolderSource(ImageSource):
    """The image files in a folder and its subfolders; see :func:`.walk_folder`.

    Args:
        key: name of the argument whose value is ``folder``, for messages.
        folder: the folder.
        known: names of other files that are expected in it.

    Raises:
        InputError: if the folder is not there, cannot be read, or holds no images.
    """

    def __init__(self, key: str, folder: Path, known: Sequence[str] = ()) -> None:
        found = find_files(key, folder, rank_zero_warn, FOLDER_EXTENSIONS, (DATASET_JSON, *known))
        super().__init__(key, folder, found.names, found.states)

    def dataset_json(self) -> bytes | None:
        """The content of the file of that name; None if there is none."""
        path = self.location / DATASET_JSON
        return read_file(path) if path.is_file() else None

    def read(self, index: int) -> bytes:
        """The content of a file."""
        return read_file(self.location / self.names[index])

    def state_now(self, index: int) -> tuple[int, int] | None:
        """Size in bytes and modification time in nanoseconds."""
        try:
            status = os.stat(f"{self.location}/{self.names[index]}")  # noqa: PTH116 (three times as fast for text)
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns


class UnusableFilesError(InputError):
    """Files cannot be used.

    Args:
        message: a sentence that counts them and names the first ones.
        files: the name of each, with the reason.

    Attributes:
        files: the name of each, with the reason.
    """

    def __init__(self, message: str, files: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.files = files


class ListedImages(NamedTuple):
    """The images of a split, in the order in which they are used.

    Attributes:
        source: where they are.
        files: (N,) int64, the index in the source of each.
        labels: (N,) int64.
    """

    source: ImageSource
    files: NDArray[np.int64]
    labels: Tensor

    def fingerprint(self) -> str:
        """A hash of the names and the states of the files, in their order, in hexadecimal digits."""
        digest = hashlib.sha256()
        for index in self.files.tolist():
            digest.update(os.fsencode(self.source.names[index]) + b"\0")
        digest.update(np.ascontiguousarray(self.source.states[self.files], dtype="<i8").tobytes())
        return digest.hexdigest()


class Decoded(NamedTuple):
    """A file's pixels (channels, height, width), what it holds, and a hash of its content."""

    pixels: Tensor
    facts: FileFacts
    digest: int


def decode_file(source: ImageSource, index: int, wanted: PixelFormat) -> Decoded | str:
    """Read and decode a file.

    Returns:
        The image; or the reason why the file cannot be used.
    """
    try:
        content = source.read(index)
        pixels, facts = decode_pixels(content, source.names[index], wanted)
    # Pillow's decoders raise all kinds of exceptions; all are caught, so that all files are reported at once.
    except Exception as error:
        return failure_reason(error)
    if source.has_changed(index):
        return CHANGED
    return Decoded(pixels, facts, int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little"))


def read_images(listed: ListedImages, wanted: PixelFormat) -> tuple[Tensor, NDArray[np.int64]]:
    """Decode files into memory on several threads (Pillow releases Python's lock while it decodes).

    Args:
        listed: the files.
        wanted: the format of the pixels.

    Returns:
        Pixels (N, channels, height, width), uint8 or uint16, and the bits (N,) that each file has.

    Raises:
        InputError: if files cannot be read or have changed; it counts them and names the first ones.
    """
    # Filled in place: stacking a list of images would need twice the memory.
    images, bits = wanted.empty(len(listed.files)), np.zeros(len(listed.files), np.int64)

    def read(row: int) -> str | None:
        decoded = decode_file(listed.source, int(listed.files[row]), wanted)
        if isinstance(decoded, str):
            return decoded
        images[row] = decoded.pixels
        bits[row] = decoded.facts.bits
        return None

    rows = np.argsort(listed.source.places[listed.files], kind="stable").tolist()
    with ThreadPoolExecutor(1 if listed.source.sequential else None) as pool:
        reasons = zip(rows, pool.map(read, rows), strict=True)
        bad = [(int(listed.files[row]), why) for row, why in reasons if why is not None]
    reject_unusable_files(listed.source, bad, len(images))
    return images, bits


def warn_of_rounding(listed: ListedImages, found: NDArray[np.integer[Any]], kept: int) -> None:
    """Warn of files that have more bits than are kept.

    Args:
        listed: the files.
        found: (N,) bits of each.
        kept: bits of the pixels.
    """
    if len(deep := listed.files[found > kept]):
        names = list_names(sorted(listed.source.names[index] for index in deep.tolist()))
        rank_zero_warn(
            f"{listed.source.key} is {listed.source.location}, where {len(deep)} of {len(found)} files have more than "
            f"8 bits, which are rounded to 8: {names}; bits 16 keeps them"
        )


def reject_unusable_files(source: ImageSource, bad: Iterable[tuple[int, str]], count: int) -> None:
    """Report all files that cannot be used in one error.

    Args:
        source: where the files are.
        bad: the index of each file that cannot be used, with the reason.
        count: number of all files.

    Raises:
        UnusableFilesError: if ``bad`` is not empty; it counts the files and names the first ones.
    """
    if files := sorted((source.names[index], why) for index, why in bad):
        named = list_names([f"{name} ({why})" for name, why in files])
        raise UnusableFilesError(
            f"{source.key} is {source.location}, where {len(files)} of {count} files cannot be used: {named}; "
            f"expected {READABLE_ARRAYS}",
            files,
        )
