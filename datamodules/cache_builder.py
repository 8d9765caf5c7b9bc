"""Fills a cache with decoded images, on several processes, so that it can be continued after any interruption."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray
from torch.utils.data import Dataset
from tqdm import tqdm

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.core.machine import available_cores
from lightning_gans.datamodules.base import ImageLoader, start_worker
from lightning_gans.datamodules.cache_folder import DONE, FACT, FACTS, IMAGES, STATES, CacheFolder
from lightning_gans.datamodules.image_sources import ListedImages, decode_file, reject_unusable_files

SMALLEST_CHUNK, LARGEST_CHUNK, CHUNK_BYTES = 1, 512, 2**23
"""Files that a process decodes at once: as many as have 8 MiB, within these bounds."""

FEWEST_FOR_PROCESSES = 256
"""Number of files from which on they are decoded by other processes, which take a moment to start."""

SECONDS_BETWEEN_SAVES = 5.0
"""An interruption loses the images of at most about this time."""

SECONDS_BETWEEN_LINES = 60.0
"""Where there is no terminal for a progress bar, a line tells the progress this often."""


class Chunk(NamedTuple):
    """What became of some files.

    Attributes:
        rows: the images that were written.
        bad: the images whose files cannot be used, each with the reason.
    """

    rows: NDArray[np.int64]
    bad: list[tuple[int, str]]


class Chunks(Dataset[Chunk]):
    """Decodes files and writes their images; an item is one chunk of them.

    Args:
        folder: the files of the cache.
        listed: the images.
        chunks: the rows of each chunk.
    """

    def __init__(self, folder: CacheFolder, listed: ListedImages, chunks: Sequence[NDArray[np.int64]]) -> None:
        self.folder, self.listed, self.chunks = folder, listed, chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, index: int) -> Chunk:
        """Decode and write a chunk.

        Raises:
            InputError: if it cannot be written.
        """
        rows, bad = list[int](), list[tuple[int, str]]()
        try:
            with (self.folder.path / IMAGES).open("r+b") as images, (self.folder.path / FACTS).open("r+b") as facts:
                for row in self.chunks[index].tolist():
                    decoded = decode_file(self.listed.source, int(self.listed.files[row]), self.folder.header.wanted)
                    if isinstance(decoded, str):
                        bad.append((row, decoded))
                        continue
                    images.seek(row * self.folder.header.wanted.bytes_per_image)
                    images.write(decoded.pixels.numpy().data)
                    facts.seek(row * FACT.itemsize)
                    facts.write(np.array((*decoded.facts, decoded.digest), FACT).tobytes())
                    rows.append(row)
        except OSError as error:
            raise InputError(f"cache_dir is {self.folder.path.parent}, which {cannot_be_written(error)}") from error
        return Chunk(np.array(rows, np.int64), bad)


def cannot_be_written(error: OSError) -> str:
    """The end of a sentence about a full disk, or another reason."""
    return f"cannot be written ({os_reason(error)}); run again to continue"


class CacheBuilder:
    """Fills a cache whose files have been created.

    An image counts as done when a byte of ``done.bin`` says so. That is written after the pixels have reached the disk,
    so that an interruption of any kind loses no more than the images of some seconds.

    Args:
        folder: the files of the cache.
        listed: the images.
    """

    def __init__(self, folder: CacheFolder, listed: ListedImages) -> None:
        self.folder, self.listed = folder, listed
        self._done = np.fromfile(folder.path / DONE, np.uint8)
        self._saved = time.monotonic()

    @property
    def count(self) -> int:
        """Number of all images."""
        return len(self._done)

    @property
    def missing(self) -> int:
        """Number of images that are not done."""
        return self.count - int(np.count_nonzero(self._done))

    def take_over(self, earlier: CacheFolder) -> int:
        """Copy the images of files that are the same in the cache of an earlier state of the folder.

        Returns:
            Their number.
        """
        rows = self._rows_in(earlier)
        found = np.flatnonzero((rows >= 0) & (self._done == 0))
        wanted = self.folder.header.wanted
        images, facts = earlier.map(IMAGES, "u1").reshape(-1, wanted.bytes_per_image), earlier.map(FACTS, FACT)
        with (self.folder.path / IMAGES).open("r+b") as file, (self.folder.path / FACTS).open("r+b") as beside:
            for row in found.tolist():
                file.seek(row * wanted.bytes_per_image)
                file.write(images[rows[row]].data)
                beside.seek(row * FACT.itemsize)
                beside.write(facts[rows[row]].tobytes())
        self._done[found] = 1
        self._save()
        return len(found)

    def _rows_in(self, earlier: CacheFolder) -> NDArray[np.int64]:
        """The row of each image in another cache; -1 where its file was not there, not done, or another."""
        done = earlier.map(DONE, "u1")
        known = {name: row for row, name in enumerate(earlier.names()) if done[row]}
        names = [os.fsencode(self.listed.source.names[index]) for index in self.listed.files.tolist()]
        rows = np.array([known.get(name, -1) for name in names], np.int64)
        states = earlier.map(STATES, "<i8").reshape(-1, 2)
        same = (states[rows] == self.listed.source.states[self.listed.files]).all(axis=1)
        return np.where(same, rows, -1)

    def decode_missing(self) -> None:
        """Decode all files whose images are not done.

        Raises:
            InputError: if files cannot be used, which names them, or the images cannot be written.
        """
        chunks = self._chunks()
        many = self.missing >= FEWEST_FOR_PROCESSES and not self.listed.source.sequential
        processes = min(len(chunks), available_cores()) if many else 0
        loader = ImageLoader(
            Chunks(self.folder, self.listed, chunks),
            batch_size=None,
            num_workers=processes,
            collate_fn=as_it_is,
            worker_init_fn=start_worker,
            generator=torch.Generator(),  # not the global one, which training may use
        )
        bad: list[tuple[int, str]] = []
        said = time.monotonic()
        with ExitStack() as stack:
            stack.callback(self._save)
            bar = stack.enter_context(
                tqdm(desc="decoding", total=self.count, initial=self.count - self.missing, unit=" images", disable=None)
            )
            for chunk in loader:
                self._done[chunk.rows] = 1
                bad += chunk.bad
                bar.update(len(chunk.rows) + len(chunk.bad))
                if time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
                    self._save()
                if bar.disable and time.monotonic() - said > SECONDS_BETWEEN_LINES:
                    said = time.monotonic()
                    rank_zero_info(f"data: {self.count - self.missing:,} of {self.count:,} images are decoded")
        files = [(int(self.listed.files[row]), reason) for row, reason in bad]
        reject_unusable_files(self.listed.source, files, self.count)

    def _chunks(self) -> list[NDArray[np.int64]]:
        """The rows that are not done, in the order of their files, which the disk may have side by side."""
        rows = np.flatnonzero(self._done == 0)
        rows = rows[np.argsort(self.listed.source.places[self.listed.files[rows]], kind="stable")]
        sizes = np.maximum(self.listed.source.sizes[self.listed.files[rows]], CHUNK_BYTES // LARGEST_CHUNK)
        ends = np.flatnonzero(np.diff(np.cumsum(sizes) // CHUNK_BYTES)) + 1
        return [part for part in np.split(rows, ends) if len(part)]

    def _save(self) -> None:
        """Note which images are done, after their pixels have reached the disk."""
        for name in (IMAGES, FACTS):
            with (self.folder.path / name).open("r+b") as file:
                os.fsync(file.fileno())
        with (self.folder.path / DONE).open("r+b") as file:
            file.write(self._done.data)
            file.flush()
            os.fsync(file.fileno())
        self._saved = time.monotonic()


def as_it_is(chunk: Any) -> Any:
    """In place of the loader's conversion to tensors."""
    return chunk
