"""Zip and tar archives of images, which are read without being unpacked."""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.core.image_files import select_images
from lightning_gans.core.image_reader import MAX_BYTES
from lightning_gans.datamodules.image_sources import DATASET_JSON, FOLDER_EXTENSIONS, ImageSource
from lightning_gans.datamodules.unpacking import BROKEN

STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of compression in zip files that are read."""


class Member(NamedTuple):
    """A regular file in an archive.

    Attributes:
        name: its path in the archive.
        size: in bytes, unpacked.
        mark: a number that changes when its content does.
        place: where it is: its number in a zip file, the byte at which its content begins in a tar file.
    """

    name: str
    size: int
    mark: int
    place: int


class ArchiveSource(ImageSource):
    """The images in an archive.

    Their names are relative to the top-level folder of the archive if it has a single one that holds all files.

    Args:
        key: name of the argument whose value is ``path``, for messages.
        path: the archive.
        members: its regular files.

    Raises:
        InputError: if there are no images.
    """

    def __init__(self, key: str, path: Path, members: Iterable[Member]) -> None:
        by_name = {member.name.removeprefix("./"): member for member in members}
        tops = {name.partition("/")[0] for name in by_name if not hidden(name)}
        if len(tops) == 1 and all("/" in name for name in by_name if not hidden(name)):
            by_name = {name.partition("/")[2]: member for name, member in by_name.items() if not hidden(name)}
        visible = sorted((name for name in by_name if not hidden(name)), key=lambda name: name.split("/"))
        names = select_images(key, path, rank_zero_warn, visible, FOLDER_EXTENSIONS, (DATASET_JSON,))
        used = [by_name[name] for name in names]
        super().__init__(key, path, names, np.array([(each.size, each.mark) for each in used], np.int64))
        self._places = np.array([each.place for each in used], np.int64)
        self._dataset = by_name.get(DATASET_JSON)
        self._state = archive_state(path)

    @property
    def places(self) -> NDArray[np.int64]:
        """(N,) numbers in whose order the files are read best."""
        return self._places

    def state_now(self, index: int) -> tuple[int, int] | None:
        """What it was, if the archive has not changed."""
        if archive_state(self.location) != self._state:
            return None
        size, mark = self.states[index].tolist()
        return size, mark

    def dataset_json(self) -> bytes | None:
        """The content of ``dataset.json`` in the top-level folder; None if there is none."""
        return None if self._dataset is None else self.content(self._dataset.place, self._dataset.size)

    def read(self, index: int) -> bytes:
        """The content of a file."""
        size = int(self.sizes[index])
        if size > MAX_BYTES:
            raise ValueError(f"a file of {size:,} bytes, more than {MAX_BYTES:,}")
        try:
            content = self.content(int(self._places[index]), size)
        except BROKEN as error:
            raise ValueError(f"damaged in the archive ({os_reason(error) or type(error).__name__})") from error
        if len(content) != size:
            raise ValueError("cut off in the archive")
        return content

    @abstractmethod
    def content(self, place: int, size: int) -> bytes:
        """The content of a member."""


class ZipSource(ArchiveSource):
    """The images in a zip file; see :class:`ArchiveSource`."""

    def __init__(self, key: str, path: Path) -> None:
        self._opened: dict[int, zipfile.ZipFile] = {}
        with zipfile.ZipFile(path) as archive:
            self._members = archive.infolist()
        members = [
            Member(member.filename, member.file_size, member.CRC, place)
            for place, member in enumerate(self._members)
            if not member.is_dir() and stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
        ]
        super().__init__(key, path, members)

    def content(self, place: int, size: int) -> bytes:
        """The content of a member, whose checksum is compared.

        Raises:
            ValueError: if it is encrypted or of a compression that is not read.
            Exception: one of :data:`.BROKEN`, if it is damaged.
        """
        member = self._members[place]
        if member.flag_bits & 0x1:
            raise ValueError("encrypted in the archive")
        if member.compress_type not in STORED:
            raise ValueError(f"compressed by method {member.compress_type} in the archive; expected 0 or 8")
        # For each process: those that are forked would share a position in the file.
        archive = self._opened.get(os.getpid())
        if archive is None:
            archive = self._opened[os.getpid()] = zipfile.ZipFile(self.location)
        with archive.open(member) as file:
            return file.read()

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_opened": {}}


class TarSource(ArchiveSource):
    """The images in a tar file, compressed or not; see :class:`ArchiveSource`.

    A compressed one is read by one process from its beginning to its end, once to list it and once for the images.
    """

    def __init__(self, key: str, path: Path) -> None:
        self._tar: tarfile.TarFile | None = None
        with path.open("rb") as file:
            file.seek(257)
            self.sequential = file.read(5) != b"ustar"
        members = []
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if member.isreg() and not member.issparse():
                    mark = int(1e9 * member.mtime) if abs(member.mtime) < 9e9 else 0
                    members.append(Member(member.name, member.size, mark, member.offset_data))
                setattr(archive, "members", [])  # noqa: B010 (not in typeshed; otherwise it keeps all that it has seen)
        super().__init__(key, path, members)

    def content(self, place: int, size: int) -> bytes:
        """The content of a member."""
        if not self.sequential:
            with self.location.open("rb") as file:
                return os.pread(file.fileno(), size, place)
        if self._tar is None:
            self._tar = tarfile.open(self.location, "r:*")  # noqa: SIM115 (open until the last image is read)
        assert self._tar.fileobj is not None
        self._tar.fileobj.seek(place)
        return self._tar.fileobj.read(size)

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_tar": None}


def hidden(name: str) -> bool:
    """Whether a path has a part that starts with a dot, or is in the folder that macOS adds to archives."""
    return name.startswith(("__MACOSX/", ".")) or "/." in name


def archive_state(path: Path) -> tuple[int, int] | None:
    """Size and modification time of an archive; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def open_archive(key: str, path: Path) -> ArchiveSource:
    """The images of an archive.

    Args:
        key: name of the argument whose value is ``path``, for messages.
        path: a file.

    Raises:
        InputError: if it is no zip or tar file, is damaged, or holds no images.
    """
    try:
        if zipfile.is_zipfile(path):
            return ZipSource(key, path)
        if tarfile.is_tarfile(path):
            return TarSource(key, path)
    except (*BROKEN, OSError) as error:
        raise InputError(
            f"{key} is {path}, an archive that cannot be read ({os_reason(error)}); expected a folder, or a whole zip "
            "or tar file"
        ) from error
    raise InputError(f"{key} is {path}, which is a file; expected a folder, or a whole zip or tar file")
