"""The grids of a run's ``samples``, as they go into a page."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image

from lightning_gans.core.errors import InputError

NAME = re.compile(r"(?P<test>test-)?epoch-(?P<epoch>\d+)-step-(?P<step>\d+)(?:-(?P<domain>.+))?\.png")
"""The files that :class:`lightning_gans.callbacks.samples.SampleGrid` writes."""

LARGE = 512 * 1024
"""Bytes from which a PNG is embedded as a WebP of high quality instead, a fifth of its size or less."""

FINE = 420
"""Pixels of a grid's width up to which its pixels are shown as squares rather than blurred."""

Item = TypeVar("Item")


class GridFile(NamedTuple):
    """A grid's file, and what its name says."""

    path: Path
    test: bool
    epoch: int
    step: int
    domain: str


@dataclass(frozen=True)
class Picture:
    """A picture that needs no file.

    Attributes:
        uri: ``data:image/...``, which holds all of it.
        width: in pixels.
        height: in pixels.
        recoded: whether it is a WebP of a larger PNG.
    """

    uri: str
    width: int
    height: int
    recoded: bool

    @property
    def fine(self) -> bool:
        """Whether it is so small that its pixels are to be seen."""
        return self.width <= FINE


@dataclass(frozen=True)
class Grid:
    """A grid of samples, and after how much training it was drawn."""

    epoch: int
    step: int
    picture: Picture

    @property
    def when(self) -> str:
        """For a caption."""
        return f"epoch {self.epoch:,}, step {self.step:,}"


@dataclass(frozen=True)
class Timeline:
    """Grids of one domain over a training.

    Attributes:
        domain: as in the files' names; empty where there is one only.
        grids: at least one, ascending.
        drawn: how many the run has drawn, as many as ``grids`` or more.
    """

    domain: str
    grids: list[Grid]
    drawn: int


def grid_files(run: Path) -> list[GridFile]:
    """The grids in a run's ``samples``, ascending by step; other files are passed over."""
    folder = run / "samples"
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            test, epoch, step, domain = match.group("test", "epoch", "step", "domain")
            found.append(GridFile(path, bool(test), int(epoch), int(step), domain or ""))
    return sorted(found, key=lambda file: (file.domain, file.step, file.epoch))


def timelines(files: list[GridFile], most: int) -> list[Timeline]:
    """The grids of training, those of each domain in a timeline of ``most`` at most, evenly spaced, with the last."""
    found = []
    for domain in dict.fromkeys(file.domain for file in files):
        drawn = [file for file in files if not file.test and file.domain == domain]
        if drawn:
            found.append(Timeline(domain, [as_grid(file) for file in spaced(drawn, most)], len(drawn)))
    return found


def test_grids(files: list[GridFile]) -> list[Timeline]:
    """The newest grid of a test, for each domain."""
    newest = {file.domain: file for file in files if file.test}
    return [Timeline(domain, [as_grid(file)], 1) for domain, file in newest.items()]


def spaced(items: Sequence[Item], most: int) -> list[Item]:
    """``most`` items at most, evenly spaced, with the first and the last; the last alone where ``most`` is 1."""
    if len(items) <= most:
        return list(items)
    return [items[len(items) - 1 - (len(items) - 1) * i // max(1, most - 1)] for i in reversed(range(most))]


def as_grid(file: GridFile) -> Grid:
    """Read a grid."""
    return Grid(file.epoch, file.step, read_picture(file.path))


def read_picture(path: Path) -> Picture:
    """A PNG file as a picture in a page.

    Raises:
        InputError: if it is none, or one that was cut short.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = image.size
            image.verify()  # reads every chunk and its sum, and does not decode
        recoded = as_webp(content) if len(content) > LARGE else None
    # What a damaged file raises depends on where it is damaged.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise InputError(f"{path} is no whole picture; expected a PNG") from None
    kind, stored = ("png", content) if recoded is None else ("webp", recoded)
    return Picture(f"data:image/{kind};base64,{b64encode(stored).decode()}", width, height, recoded is not None)


def as_webp(content: bytes) -> bytes | None:
    """A PNG's pixels in less space, if they take less so."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        if max(image.size) > 16383:  # as far as the format goes
            return None
        smaller = io.BytesIO()
        image.convert("RGB").save(smaller, "WEBP", quality=90, method=2)
    return smaller.getvalue() if smaller.tell() < len(content) else None
