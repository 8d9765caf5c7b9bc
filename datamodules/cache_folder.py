"""The files of a cache of decoded images on disk. They are data: nothing in them is executed, and sizes are checked."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_gans.core.pixel_files import PixelFormat
from lightning_gans.datamodules.image_sources import ListedImages

VERSION = 1
"""Version of the files. Increase it when their format or the pixels that are read from files change."""

HEADER, IMAGES, DONE, FACTS = "header.json", "images.bin", "done.bin", "facts.bin"
NAMES, STATES = "names.bin", "states.bin"
READERS, WRITER = "readers.lock", "writer.lock"
"""Locks: of any number of processes that use the cache, so that none deletes it, and of one that fills it."""

FILES = (HEADER, IMAGES, DONE, FACTS, NAMES, STATES)
"""Names of all files of a cache but the locks."""

NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
"""``MAP_NORESERVE``, which Python names from 3.13 on. Without it Linux refuses to map files larger than its memory."""

LONGEST_HEADER = 2**16
"""Largest header that is read, in bytes."""

FACT = np.dtype([("width", "<u4"), ("height", "<u4"), ("channels", "<u2"), ("bits", "<u2"), ("digest", "<u8")])
"""What is kept of each file: what it holds, as in :class:`.FileFacts`, and a hash of its content."""


@dataclass(frozen=True)
class Header:
    """What the pixels of a cache depend on.

    Attributes:
        version: that of the files.
        pillow: version of Pillow, whose decoders differ.
        place: the folder of the images.
        split: the split of the images.
        channels: number of channels.
        height: height in pixels.
        width: width in pixels.
        count: number of images.
        names: bytes of the names of the files.
        listing: hash of the names, sizes and modification times of the files, in the order of the images.
        bits: bits of each channel. 8 are not written, nor shown by ``repr``: caches of before there were more have
            this header and this name.
    """

    version: int
    pillow: str
    place: str
    split: str
    channels: int
    height: int
    width: int
    count: int
    names: int
    listing: str
    bits: int = field(default=8, repr=False)

    @classmethod
    def of(cls, split: str, listed: ListedImages, wanted: PixelFormat) -> Header:
        """The header of a cache of these images."""
        names = sum(len(os.fsencode(listed.source.names[index])) + 1 for index in listed.files.tolist())
        place = str(listed.source.location.resolve())
        size = (wanted.channels, *wanted.size)
        listing = listed.fingerprint()
        return cls(VERSION, PIL.__version__, place, split, *size, len(listed.files), names, listing, wanted.bits)

    def written(self) -> dict[str, Any]:
        """The header as plain data."""
        values = asdict(self)
        if self.bits == 8:
            del values["bits"]
        return values

    @property
    def folder_name(self) -> str:
        """Name of the folder of the cache: the beginning of the images' folder's name, and a hash of the header."""
        readable = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(self.place).name)[:40] or "images"
        digest = hashlib.sha256(json.dumps(self.written(), sort_keys=True).encode()).hexdigest()[:12]
        return f"{readable}-{self.split}-{self.height}x{self.width}-{digest}"

    @property
    def wanted(self) -> PixelFormat:
        """The format of the pixels."""
        return PixelFormat(self.channels, (self.height, self.width), self.bits)

    @property
    def file_sizes(self) -> dict[str, int]:
        """Size in bytes of each file of images."""
        return {
            IMAGES: self.count * self.wanted.bytes_per_image,
            DONE: self.count,
            FACTS: self.count * FACT.itemsize,
            NAMES: self.names,
            STATES: self.count * 16,
        }

    def is_earlier(self, other: Header) -> bool:
        """Whether another header is that of the same folder in another state."""
        changes = {"count": other.count, "names": other.names, "listing": other.listing}
        return self != other and Header(**{**asdict(self), **changes}) == other


class CacheFolder:
    """The files of one cache.

    Args:
        path: the folder.
        header: what the images depend on.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.header = path, header

    @classmethod
    def found(cls, path: Path) -> CacheFolder | None:
        """The cache in a folder; None if there is none whose files have the sizes that its header says."""
        header = read_header(path)
        cache = None if header is None else cls(path, header)
        return cache if cache is not None and cache.damage() is None else None

    @property
    def is_there(self) -> bool:
        """Whether there is a header, which is written last."""
        return (self.path / HEADER).exists()

    def damage(self) -> str | None:
        """Why the files cannot be used; None if they can."""
        if read_header(self.path) != self.header:
            return f"{HEADER} is not that of these images"
        for name, expected in self.header.file_sizes.items():
            path = self.path / name
            found = path.stat().st_size if path.is_file() else None
            if found != expected:
                return f"{name} {'is missing' if found is None else f'has {found} bytes'}; expected {expected}"
        return None

    def create(self, listed: ListedImages) -> None:
        """Write the files, without any image; the header comes last.

        Raises:
            OSError: if they cannot be written.
        """
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)  # processes that have the old ones open keep them
        for name, size in self.header.file_sizes.items():
            with (self.path / name).open("wb") as file:
                file.truncate(size)
        with (self.path / NAMES).open("r+b") as file:
            file.writelines(os.fsencode(listed.source.names[index]) + b"\0" for index in listed.files.tolist())
        np.ascontiguousarray(listed.source.states[listed.files], "<i8").tofile(self.path / STATES)
        beside = self.path / f".{HEADER}"
        beside.write_text(json.dumps(self.header.written(), indent=1), encoding="utf-8")
        beside.replace(self.path / HEADER)

    def map(self, name: str, kind: np.dtype[np.void] | str) -> NDArray[Any]:
        """The numbers in a file, which take memory only where they are used; changes of the array do not reach it."""
        with (self.path / name).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), self.header.file_sizes[name], flags=mmap.MAP_PRIVATE | NO_RESERVE)
        return np.frombuffer(mapped, kind)

    def images(self) -> Tensor:
        """All images (N, C, H, W), uint8 or uint16; those that are not done are black."""
        kind = "u1" if self.header.bits == 8 else "u2"
        return torch.from_numpy(self.map(IMAGES, kind)).view(self.header.count, *self.header.wanted.shape)

    def names(self) -> list[bytes]:
        """The name of the file of each image.

        Raises:
            ValueError: if there are not as many as images.
        """
        names = (self.path / NAMES).read_bytes().split(b"\0")[:-1]
        if len(names) != self.header.count:
            raise ValueError(f"{len(names)} names; expected {self.header.count}")
        return names

    def delete(self) -> None:
        """Delete the cache, unless its folder holds other files."""
        if {path.name for path in self.path.iterdir()} <= {*FILES, READERS, WRITER, f".{HEADER}"}:
            shutil.rmtree(self.path)


def read_header(path: Path) -> Header | None:
    """The header of a cache; None if there is none, or something else is in its place."""
    try:
        with (path / HEADER).open("rb") as file:
            content = file.read(LONGEST_HEADER + 1)
        if len(content) > LONGEST_HEADER:
            return None
        values = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None
    values = {"bits": 8} | values if isinstance(values, dict) else values
    types = {name: int if kind == "int" else str for name, kind in Header.__annotations__.items()}
    if not isinstance(values, dict) or {name: type(value) for name, value in values.items()} != types:
        return None
    header = Header(**values)
    numbers = (header.channels, header.height, header.width, header.count)
    return header if min(numbers) > 0 and header.bits in (8, 16) else None
