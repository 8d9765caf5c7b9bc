"""Downloads and unpacks the archives that the authors of pix2pix and CycleGAN publish."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import stat
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from datamodules.torchvision_sets import one_line
from lightning_gans.core.errors import InputError

if sys.platform != "win32":
    import fcntl

SERVER = "http://efrosgans.eecs.berkeley.edu"
TIMEOUT = 30.0  # seconds without data after which a connection is given up
PAUSES = (2.0, 4.0, 8.0, 16.0)  # seconds before each attempt to resume a download


@dataclass(frozen=True)
class Archive:
    """A tar.gz or zip file on a server, with one top-level folder that has the name of the data set.

    Attributes:
        url: its address, which ends in ``.tar.gz`` or ``.zip``.
        bytes: its size; None if unknown, then the server must state it.
        sha256: its SHA-256 in hexadecimal digits; None if unknown.
    """

    url: str
    bytes: int | None = None
    sha256: str | None = None


PAIRED: dict[str, Archive] = {
    name: Archive(f"{SERVER}/pix2pix/datasets/{name}.tar.gz", {"facades": 30168306, "maps": 250242400}.get(name))
    for name in ("cityscapes", "edges2handbags", "edges2shoes", "facades", "maps", "night2day")
}
"""The data sets of pix2pix by name, with the sizes that the server states. The authors' script no longer offers
cityscapes."""

# Without cityscapes, because of its license, and ae_photos, which is only meant for trying trained networks.
UNPAIRED: dict[str, Archive] = {
    name: Archive(f"{SERVER}/cyclegan/datasets/{name}.zip", size, sha256)
    for name, size, sha256 in (
        ("apple2orange", 78456409, "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8"),
        ("cezanne2photo", 279885071, "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff"),
        ("facades", 35135868, "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0"),
        ("horse2zebra", 116867962, "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1"),
        ("iphone2dslr_flower", 339964458, "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113"),
        ("maps", 1476754427, "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e"),
        ("monet2photo", 305231073, "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04"),
        ("summer2winter_yosemite", 132640856, "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9"),
        ("ukiyoe2photo", 292946532, "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08"),
        ("vangogh2photo", 306590349, "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff"),
    )
}
"""The data sets of CycleGAN by name; sizes and checksums are those of TensorFlow Datasets' ``cycle_gan``."""

BROKEN = (ValueError, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)
"""Errors which show that an archive is damaged or not the expected one, so that the downloaded file is deleted."""


def fetch(archive: Archive, name: str, root: Path) -> Path:
    """Download and unpack an archive, unless its folder exists already.

    The folder gets its name when it is complete. A call resumes the download of an earlier one that was interrupted.
    Simultaneous calls, also from other processes, wait for each other.

    Args:
        archive: the archive.
        name: the data set's name, which is also the name of the archive's top-level folder.
        root: the folder to unpack it into, which is created if necessary. A paired and an unpaired data set of the same
            name need different folders.

    Returns:
        ``root / name``.

    Raises:
        InputError: if the archive cannot be downloaded, is damaged, has other contents than expected, or cannot be
            unpacked.
    """
    folder = root / name
    part = root / f"{name}{'.zip' if archive.url.endswith('.zip') else '.tar.gz'}.part"
    try:
        if not is_whole(folder):
            root.mkdir(parents=True, exist_ok=True)
            with locked(root / f".{name}.lock"):
                if not is_whole(folder):
                    obtain(archive, part, folder)
    except (*BROKEN, OSError, HTTPException) as error:
        cause: Any = error.reason if type(error) is URLError else error
        raise InputError(
            f"dataset is {name}, which is not at {folder} and cannot be downloaded from {archive.url} "
            f"({one_line(cause) or type(cause).__name__}); run again to resume, or put the unpacked folder there"
        ) from error
    with suppress(OSError):
        part.unlink(missing_ok=True)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether a data set is complete: its folder gets its name only then."""
    return folder.is_dir() and any(folder.iterdir())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that only one of several calls downloads; no effect on systems without file locks."""
    # The file is not removed: otherwise a third call could lock a new file while the second holds the old one.
    with path.open("w") as file:
        if sys.platform != "win32":
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def obtain(archive: Archive, part: Path, folder: Path) -> None:
    """Download an archive to ``part``, check it and unpack it; ``part`` is deleted if it cannot be resumed."""
    try:
        download(archive, part)
        if archive.bytes not in (None, part.stat().st_size):
            raise ValueError(f"expected {archive.bytes} bytes, found {part.stat().st_size}")
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if archive.sha256 not in (None, found):
            raise ValueError(f"expected SHA-256 {archive.sha256}, found {found}")
        unpack(part, folder)
    except BROKEN:
        part.unlink(missing_ok=True)
        raise


def download(archive: Archive, part: Path) -> None:
    """Complete the file ``part``; if the connection drops, resume a few times."""
    if part.exists() and part.stat().st_size == archive.bytes:
        return
    if not sys.stderr.isatty():
        print(f"Downloading {archive.url} to {part}", file=sys.stderr, flush=True)
    for pause in PAUSES:
        # Not HTTPError or URLError: a retry would fail again.
        with suppress(ConnectionError, TimeoutError, HTTPException):
            transfer(archive, part)
            return
        time.sleep(pause)
    transfer(archive, part)


def transfer(archive: Archive, part: Path) -> None:
    """Request the missing bytes of ``part`` once, and append what arrives."""
    have = part.stat().st_size if part.exists() else 0
    with request_rest(archive.url, have) as response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the file is complete
        begin = 0 if response.status == HTTPStatus.OK else have
        # From Content-Range, not the response's own length: servers may send fewer bytes than requested.
        stated = response.headers.get("Content-Range" if begin else "Content-Length", "").rpartition("/")[2]
        total = int(stated) if stated.isdecimal() else None
        size = archive.bytes or total
        if size is None:
            raise ValueError("the server does not state its size")
        if total not in (None, size):
            raise ValueError(f"expected {size} bytes, found {total}")
        bar = tqdm(desc=part.stem, initial=begin, total=size, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if begin else "wb") as file, bar:
            # read1 returns what has arrived, so that nothing is lost if the connection drops.
            while chunk := response.read1(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
    if (found := part.stat().st_size) < size:
        raise ConnectionResetError(f"the connection ended after {found} of {size} bytes")


def request_rest(url: str, have: int) -> Any:
    """A response with the bytes after the first ``have``, with the status that there are none, or with all bytes."""
    try:
        response = urlopen(Request(url, headers={"Range": f"bytes={have}-"} if have else {}), timeout=TIMEOUT)
    except HTTPError as error:
        if not have or error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            raise
        response = error
    content = response.headers.get("Content-Range", "")
    continued = content.startswith(f"bytes {have}-") or content == f"bytes */{have}"
    if continued or response.status == HTTPStatus.OK or not have:
        return response
    response.close()
    return request_rest(url, 0)


def unpack(part: Path, folder: Path) -> None:
    """Unpack an archive into ``folder``, which gets its name when it is complete."""
    staging = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # left over by an interrupted call
    staging.mkdir()
    try:
        (unpack_zip if part.stem.endswith(".zip") else unpack_tar)(part, folder.name, staging)
        if not is_whole(staging):
            raise ValueError("it is empty")
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def unpack_tar(part: Path, name: str, folder: Path) -> None:
    """Unpack the contents of an archive's top-level folder into ``folder``."""
    with gzip.open(part) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            member.name = relative_path(member.name, name)
            if member.islnk():
                member.linkname = relative_path(member.linkname, name)
            if member.name:
                archive.extract(member, folder, filter="data")  # rejects devices and links out of the folder
        while stream.read(1 << 20):
            pass  # tarfile ignores damage at the end, gzip checks its checksum there


def unpack_zip(part: Path, name: str, folder: Path) -> None:
    """Unpack the contents of an archive's top-level folder into ``folder``."""
    with zipfile.ZipFile(part) as archive:
        for member in archive.infolist():
            rest = relative_path(member.filename, name)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"its member {member.filename} is a link or a device")
            if rest:
                member.filename = rest + "/" * member.is_dir()  # where extract puts it
                archive.extract(member, folder)


def relative_path(member: str, name: str) -> str:
    """The path of a member relative to the archive's top-level folder ``name``; empty for that folder itself.

    Raises:
        ValueError: if the member is not in that folder.
    """
    parts = PurePosixPath(member).parts
    if parts[:1] not in ((), (name,)) or ".." in parts or "\\" in member:
        raise ValueError(f"its member {member} is not in the folder {name}")
    return "/".join(parts[1:])
