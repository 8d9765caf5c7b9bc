"""Downloads and unpacks the archives that the authors of pix2pix and CycleGAN publish."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from io import BufferedRandom
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules.torchvision_sets import one_line
from lightning_gans.datamodules.unpacking import BROKEN, open_regular, unpack

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

    @property
    def kind(self) -> str:
        """``"tar.gz"`` or ``"zip"``."""
        return "zip" if self.url.endswith(".zip") else "tar.gz"


PAIRED: dict[str, Archive] = {
    name: Archive(f"{SERVER}/pix2pix/datasets/{name}.tar.gz", size, sha256)
    for name, size, sha256 in (
        ("cityscapes", None, None),
        ("edges2handbags", None, None),
        ("edges2shoes", None, None),
        ("facades", 30168306, None),
        ("maps", 250242400, "7519044b2725f55bc80e5a3db5d6f64f767a7b76421098c364c432ec82faf275"),
        ("night2day", None, None),
    )
}
"""The data sets of pix2pix by name, with the sizes that the server states.

The authors publish no checksums, and their script no longer offers cityscapes. The checksum of maps is that of the Git
LFS pointer ``maps.tar.gz`` in iapetos45/Generative-Adversarial-Network on GitHub, whose size is the server's; code in
another repository, for Keras' ``get_file`` with the server's address, has the same.
"""

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

DOMAINS = {
    "cityscapes": ("photo", "labels"),
    "facades": ("photo", "labels"),
    "iphone2dslr_flower": ("iPhone photo", "DSLR photo"),
    "maps": ("aerial photo", "map"),
    "summer2winter_yosemite": ("summer", "winter"),
}
"""What the images of domains a and b show, for the data sets whose name is not ``a2b``."""


def domains_of(name: str) -> tuple[str, str]:
    """What the images of domains a and b of a data set show.

    Args:
        name: of the data set.
    """
    a, _, b = name.partition("2")
    return DOMAINS.get(name, (a, b))


def fetch(archive: Archive, name: str, root: Path, *, unverified: bool = False) -> Path:
    """Download and unpack an archive, unless its folder exists already.

    The folder gets its name when it is complete. A call resumes the download of an earlier one that was interrupted.
    Simultaneous calls, also from other processes, wait for each other.

    Args:
        archive: the archive.
        name: the data set's name, which is also the name of the archive's top-level folder.
        root: the folder to unpack it into, which is created if necessary. A paired and an unpaired data set of the same
            name need different folders.
        unverified: download it although its SHA-256 is not known, so that a change on the way is not noticed.

    Returns:
        ``root / name``.

    Raises:
        InputError: if the archive's SHA-256 is not known and ``unverified`` is false; if it cannot be downloaded, is
            damaged, has other contents than expected, or cannot be unpacked.
    """
    folder = root / name
    part = root / f"{name}.{archive.kind}.part"
    try:
        if not is_whole(folder):
            if archive.sha256 is None and not unverified:
                raise InputError(
                    f"dataset is {name}, which is not at {folder}; {archive.url} is not downloaded, since no SHA-256 "
                    "of it is known and a changed file would not be noticed; set unverified to true to download it "
                    "nevertheless, or put the unpacked folder there"
                )
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
    """Hold a lock file, so that only one of several calls downloads; no effect on file systems without locks."""
    # The file is not removed: otherwise a third call could lock a new file while the second holds the old one.
    with open_regular(path) as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def obtain(archive: Archive, part: Path, folder: Path) -> None:
    """Download an archive to ``part``, check it and unpack it; ``part`` is deleted if it cannot be resumed."""
    try:
        with open_regular(part) as file:
            try:
                download(archive, file, part)
                # From the file that is open: nobody can replace it between the check and its use.
                check(archive, file)
                unpack(file, archive.kind, folder)
            finally:
                if not length(file):
                    part.unlink()
    except BROKEN:
        part.unlink(missing_ok=True)
        raise


def check(archive: Archive, file: BufferedRandom) -> None:
    """Compare a downloaded file with what is known of it.

    Raises:
        ValueError: if its size or its SHA-256 is another.
    """
    if archive.bytes not in (None, length(file)):
        raise ValueError(f"expected {archive.bytes} bytes, found {length(file)}")
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if archive.sha256 is None:
        print(f"{archive.url} is not verified; its SHA-256 is {found}", file=sys.stderr, flush=True)
    elif archive.sha256 != found:
        raise ValueError(f"expected SHA-256 {archive.sha256}, found {found}")


def length(file: BufferedRandom) -> int:
    """The bytes of an open file; what is written next is appended."""
    return file.seek(0, os.SEEK_END)


def download(archive: Archive, file: BufferedRandom, part: Path) -> None:
    """Complete the file of path ``part``; if the connection drops, resume a few times."""
    if length(file) == archive.bytes:
        return
    if not sys.stderr.isatty():
        print(f"Downloading {archive.url} to {part}", file=sys.stderr, flush=True)
    for pause in PAUSES:
        # Not HTTPError or URLError: a retry would fail again.
        with suppress(ConnectionError, TimeoutError, HTTPException):
            transfer(archive, file, part.stem)
            return
        time.sleep(pause)
    transfer(archive, file, part.stem)


def transfer(archive: Archive, file: BufferedRandom, name: str) -> None:
    """Request the missing bytes of a file once, and append what arrives."""
    have = length(file)
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
        file.truncate(begin)
        length(file)
        with tqdm(desc=name, initial=begin, total=size, unit="B", unit_scale=True, disable=None) as bar:
            # read1 returns what has arrived, so that nothing is lost if the connection drops.
            while chunk := response.read1(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
                begin += len(chunk)
                if begin > size:
                    raise ValueError(f"expected {size} bytes, found more than that")
    if begin < size:
        raise ConnectionResetError(f"the connection ended after {begin} of {size} bytes")


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
