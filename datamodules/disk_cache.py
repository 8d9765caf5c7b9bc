"""Images that were decoded once into files that are mapped into memory, for all processes and all later runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from numpy.typing import NDArray

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.core.pixel_files import PixelFormat
from lightning_gans.datamodules.cache_builder import CacheBuilder
from lightning_gans.datamodules.cache_folder import DONE, FACT, FACTS, READERS, WRITER, CacheFolder, Header
from lightning_gans.datamodules.folder_lock import FolderLock
from lightning_gans.datamodules.image_sources import ListedImages

GIB = 2**30


class CachedImages:
    """The images of a split in a cache, which is built first if necessary.

    The cache is a folder of its own in ``base``, named after the images' folder, the split, the size and a hash of all
    that the pixels depend on: the names, sizes and modification times of the files and their order, the channels, the
    size, the bits of each channel if these are not 8, and the version of Pillow. Where files have been changed, added
    or removed, a new cache takes over the images of the files that have not, and replaces the old one unless a run
    still reads that.

    One process builds a cache, and others that need it wait. A cache that was not finished, because the process was
    killed or files could not be used, is continued. While the object exists, no other process deletes the cache.

    Args:
        base: the folder of all caches, which is created if necessary.
        split: the name of the split.
        listed: the images.
        wanted: the format of the pixels.

    Attributes:
        folder: the files.
        facts: of each image what its file holds, and a hash of its content.

    Raises:
        InputError: if files cannot be used, or the cache cannot be written; it says how much room it needs.
    """

    def __init__(self, base: Path, split: str, listed: ListedImages, wanted: PixelFormat) -> None:
        header = Header.of(split, listed, wanted)
        self.folder = CacheFolder(base / header.folder_name, header)
        self.base, self.listed = base, listed
        try:
            self._reading = FolderLock(self.folder.path / READERS, self._say_waiting)
            self._reading.acquire(exclusive=False)
            if not self._is_whole():
                writing = FolderLock(self.folder.path / WRITER, self._say_waiting)
                try:
                    writing.acquire(exclusive=True)
                    if not self._is_whole():
                        self._complete()
                finally:
                    writing.close()
            self.facts: NDArray[np.void] = self.folder.map(FACTS, FACT)
        except OSError as error:
            raise InputError(
                f"cache_dir is {base}, where {self.folder.path.name} cannot be used ({os_reason(error)}); expected a "
                f"folder that can be written, with {gigabytes(self.bytes)} of room"
            ) from error

    def close(self) -> None:
        """Allow that another process deletes the cache; the images that are mapped stay."""
        self._reading.close()

    @property
    def bytes(self) -> int:
        """Size of the files in bytes."""
        return sum(self.folder.header.file_sizes.values())

    def describe(self) -> str:
        """The place and the size, as a part of a sentence."""
        return f"{self.folder.path} ({gigabytes(self.bytes)})"

    def _say_waiting(self) -> None:
        rank_zero_info(f"data: waiting for another process, which writes the cache {self.folder.path}")

    def _is_whole(self) -> bool:
        return self.folder.is_there and self.folder.damage() is None and bool(self.folder.map(DONE, "u1").all())

    def _complete(self) -> None:
        """Build what is missing."""
        if self.folder.is_there and (reason := self.folder.damage()) is not None:
            rank_zero_warn(f"the cache {self.folder.path} is damaged and is built again: {reason}")
            self.folder.create(self.listed)
        elif not self.folder.is_there:
            self.folder.create(self.listed)
        builder = CacheBuilder(self.folder, self.listed)
        earlier = self._earlier()
        for cache in earlier:
            if taken := builder.take_over(cache):
                rank_zero_info(f"data: {taken:,} of {builder.count:,} images are those of the cache {cache.path}")
        self._check_room(builder.missing)
        if builder.missing:
            rank_zero_info(
                f"data: decoding {builder.missing:,} of {builder.count:,} images of {self.listed.source.location} into "
                f"the cache {self.describe()}, which later runs read"
            )
            builder.decode_missing()
        for cache in earlier:
            lock = FolderLock(cache.path / READERS, self._say_waiting)
            if lock.acquire_at_once():
                cache.delete()
                rank_zero_info(f"data: deleted {cache.path}, the cache of an earlier state of the folder")
            lock.close()

    def _earlier(self) -> list[CacheFolder]:
        """The caches of earlier states of the same folder."""
        found = (CacheFolder.found(path) for path in sorted(self.base.iterdir()) if path != self.folder.path)
        return [cache for cache in found if cache is not None and cache.header.is_earlier(self.folder.header)]

    def _check_room(self, missing: int) -> None:
        """Check that there is room for images.

        Raises:
            InputError: if there is not.
        """
        needed, free = missing * self.folder.header.wanted.bytes_per_image, shutil.disk_usage(self.base).free
        if needed > free:
            raise InputError(
                f"cache_dir is {self.base}, where {gigabytes(free)} are free, but {missing:,} decoded images of "
                f"{self.listed.source.location} take {gigabytes(needed)}; expected a folder with more room, or a "
                "smaller size"
            )


def gigabytes(count: int) -> str:
    """A number of bytes in units that people read."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
