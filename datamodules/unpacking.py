"""Unpacks tar.gz and zip files from elsewhere: regular files and folders, within bounds, into one new folder."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path, PurePosixPath
from typing import IO, cast

RATIO = 10
SLACK = 1 << 26
"""An archive of n bytes may unpack to ``RATIO * n + SLACK`` bytes: images hardly compress."""

MOST_MEMBERS = 300_000
LONGEST_PATH = 1000
CHUNK = 1 << 20
"""Bytes that are read at once, and the longest header of a tar file."""

BROKEN = (
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    OverflowError,
    NotImplementedError,  # zipfile's for formats that it cannot read
    RecursionError,  # tarfile's for headers of headers
)
"""Errors which show that an archive is damaged or not the expected one, so that the downloaded file is deleted."""


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedRandom]:
    """Open a file to read and write, and create it if it is not there; its content is kept.

    Raises:
        OSError: if it is a link, has a second name, or is no regular file: somebody may have put it there so that
            another file is overwritten.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no wait at a pipe
    if os.path.lexists(path):
        refuse_planted(path, path.lstat())
    descriptor = os.open(path, flags, 0o666)
    try:
        refuse_planted(path, os.fstat(descriptor))
        file = os.fdopen(descriptor, "r+b")
    except BaseException:
        os.close(descriptor)
        raise
    with file:
        yield file


def refuse_planted(path: Path, found: os.stat_result) -> None:
    """Raise an OSError unless what was found at a path is a regular file with one name."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise OSError(f"{path} is a link or no regular file; delete it")


def unpack(archive: BufferedRandom, kind: str, folder: Path) -> None:
    """Unpack an archive into ``folder``, which gets its name when it is complete.

    Nothing but regular files and folders is written, with new names in a new folder. So no check of paths depends on
    links, as those of Python's ``tarfile`` do.

    Args:
        archive: the archive.
        kind: ``"tar.gz"`` or ``"zip"``.
        folder: its name is also the name of the archive's top-level folder.

    Raises:
        ValueError: if a member is a link, a device, encrypted, outside the top-level folder, or of a name that some
            file system does not tell apart from another's; if there are too many members or bytes, or none.
        OSError: if it cannot be written.
    """
    staging = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # left over by an interrupted call
    staging.mkdir()
    try:
        size = archive.seek(0, os.SEEK_END)
        archive.seek(0)
        (unpack_zip if kind == "zip" else unpack_tar)(archive, NewFolder(folder.name, staging, RATIO * size + SLACK))
        if not any(staging.iterdir()):
            raise ValueError("it is empty")
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class NewFolder:
    """The folder into which an archive is unpacked.

    Args:
        name: name of the archive's top-level folder, whose content goes into the new folder.
        path: the new folder, which is empty.
        most: bytes that the archive may unpack to.
    """

    def __init__(self, name: str, path: Path, most: int) -> None:
        self.name, self.path, self.most = name, path, most
        self.read = 0
        self.members = 0
        self._spellings: dict[str, tuple[str, bool]] = {}

    def count(self, read: int) -> None:
        """Count bytes that were unpacked.

        Raises:
            ValueError: if there are too many.
        """
        self.read += read
        if self.read > self.most:
            raise ValueError(f"it unpacks to more than {self.most} bytes")

    def add_folder(self, member: str) -> None:
        """Make the folder of a member of that name, and its parents."""
        self._take(relative_path(member, self.name), is_file=False)

    def add_file(self, member: str, size: int, content: Stream) -> Path:
        """Write the file of a member of that name with the next ``size`` bytes of ``content``."""
        path = relative_path(member, self.name)
        if not path:
            raise ValueError(f"its member {member} is a file; expected a folder")
        self._take(path, is_file=True)
        with (self.path / path).open("xb") as file:
            while size:
                chunk = content.read(min(size, CHUNK))
                if not chunk:
                    raise ValueError(f"its member {member} ends early")
                file.write(chunk)
                size -= len(chunk)
        return self.path / path

    def _take(self, path: str, *, is_file: bool) -> None:
        """Make the folders of a path, after a comparison of its name with the earlier ones."""
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise ValueError(f"it has more than {MOST_MEMBERS} files and folders")
        parts = path.split("/") if path else []
        for end in range(1, len(parts) + 1):
            place, file = "/".join(parts[:end]), is_file and end == len(parts)
            key = unicodedata.normalize("NFC", place).casefold()
            if key not in self._spellings:
                self._spellings[key] = place, file
                if not file:
                    (self.path / place).mkdir()
            elif file or self._spellings[key] != (place, False):
                raise ValueError(
                    f"its members {self._spellings[key][0]} and {place} have the same name where case and accents are "
                    "not told apart"
                )


class Stream:
    """Reads an unpacked stream once from its beginning to its end, and counts its bytes."""

    def __init__(self, source: IO[bytes], folder: NewFolder) -> None:
        self.source, self.folder, self.position = source, folder, 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, or those that are left."""
        # tarfile asks for the whole of a header at once.
        if not 0 <= size <= CHUNK:
            raise ValueError(f"it has a header of {size} bytes")
        chunk = self.source.read(size)
        self.folder.count(len(chunk))
        self.position += len(chunk)
        return chunk

    def tell(self) -> int:
        """Number of bytes that were read."""
        return self.position

    def seek(self, position: int) -> int:
        """Raise a ValueError: only an archive whose sizes are wrong makes tarfile move."""
        raise ValueError(f"its member at byte {position} is not where the one before it ends")


def unpack_tar(file: BufferedRandom, folder: NewFolder) -> None:
    """Unpack the contents of a tar.gz's top-level folder."""
    with gzip.open(file) as unzipped:
        stream = Stream(cast("IO[bytes]", unzipped), folder)
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
            for member in archive:
                unpack_member(member, stream, folder)
        # tarfile takes a damaged header for the end, and gzip checks its checksum at its own.
        while chunk := stream.read(CHUNK):
            if chunk.strip(b"\0"):
                raise ValueError("it has data after its last member")


def unpack_member(member: tarfile.TarInfo, stream: Stream, folder: NewFolder) -> None:
    """Unpack one member of a tar file, whose content is next in the stream."""
    relative_path(member.name, folder.name)
    if member.isdir():
        folder.add_folder(member.name)
        return
    if member.issparse():
        raise ValueError(f"its member {member.name} is a sparse file")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise ValueError(f"its member {member.name} is a link or a device; expected files and folders")
    if member.size < 0:
        raise ValueError(f"its member {member.name} has {member.size} bytes")
    path = folder.add_file(member.name, member.size, stream)
    stream.read(-member.size % tarfile.BLOCKSIZE)
    with suppress(OSError, OverflowError, ValueError):  # fingerprints of data sets depend on it
        os.utime(path, (member.mtime, member.mtime))


def unpack_zip(file: BufferedRandom, folder: NewFolder) -> None:
    """Unpack the contents of a zip's top-level folder."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename
            relative_path(name, folder.name)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"its member {name} is a link or a device; expected files and folders")
            if member.flag_bits & 0x1:
                raise ValueError(f"its member {name} is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"its member {name} is compressed by method {member.compress_type}; expected 0 or 8")
            if member.is_dir():
                folder.add_folder(name)
                continue
            with archive.open(member) as content:
                folder.add_file(name, member.file_size, Stream(content, folder))
                content.read(1)  # at the end of the content, zipfile checks its checksum


def relative_path(member: str, name: str) -> str:
    """The path of a member relative to the archive's top-level folder ``name``; empty for that folder itself.

    Raises:
        ValueError: if the member is not in that folder, or has a name that cannot be shown.
    """
    if len(member) > LONGEST_PATH:
        raise ValueError(f"its member {member[:50]}... has a path of {len(member)} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in member):
        raise ValueError(f"its member {member!a} has a name with control characters")
    parts = PurePosixPath(member).parts
    if parts[:1] not in ((), (name,)) or ".." in parts or "\\" in member:
        raise ValueError(f"its member {member} is not in the folder {name}")
    return "/".join(parts[1:])
