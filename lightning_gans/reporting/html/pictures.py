"""Sample grids of a run, as a page embeds them."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import GridFile
from lightning_gans.runs.json_lines import OnDamage, ignore_damage

LARGE = 512 * 1024
"""A PNG with more bytes is embedded as a WebP of high quality, which takes a fifth or less."""

FINE = 420
"""A picture of at most this width in pixels is enlarged without interpolation."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI.

    Attributes:
        uri: ``data:image/...``, with the whole content.
        width: in pixels.
        height: in pixels.
        recoded: whether it is a WebP in place of a larger PNG.
    """

    uri: str
    width: int
    height: int
    recoded: bool

    @property
    def fine(self) -> bool:
        """Whether it is so small that it is enlarged without interpolation."""
        return self.width <= FINE


@dataclass(frozen=True)
class Grid:
    """A grid of samples, and when it was drawn."""

    epoch: int
    step: int
    picture: Picture

    @property
    def when(self) -> str:
        """The epoch and the step, for a caption."""
        return f"epoch {self.epoch:,}, step {self.step:,}"


@dataclass(frozen=True)
class Timeline:
    """Grids of one domain over a training.

    Attributes:
        domain: empty if there is only one.
        grids: at least one, oldest first.
        drawn: number of grids that the run has drawn; ``grids`` may be fewer.
    """

    domain: str
    grids: list[Grid]
    drawn: int


def select_timelines(files: list[GridFile], count: int, on_damage: OnDamage = ignore_damage) -> list[Timeline]:
    """A timeline of validation grids for each domain, with at most ``count`` grids, evenly spaced, up to the last.

    Args:
        files: the grids.
        count: largest number of grids in a timeline.
        on_damage: is told of each grid that cannot be read and is left out.
    """
    found = []
    for domain in dict.fromkeys(file.domain for file in files):
        drawn = [file for file in files if file.split == "val" and file.domain == domain]
        if grids := read_grids(evenly_spaced(drawn, count), on_damage):
            found.append(Timeline(domain, grids, len(drawn)))
    return found


def newest_test_grids(files: list[GridFile], step: int | None, on_damage: OnDamage = ignore_damage) -> list[Timeline]:
    """The test grid of each domain that is of the newest test, else of the last step; none that cannot be read.

    Args:
        files: the grids, by step.
        step: of the checkpoint that the newest test has scored; None if it is not known.
        on_damage: is told of each grid that cannot be read and is left out.
    """
    drawn = [file for file in files if file.split == "test"]
    newest = {file.domain: file for file in sorted(drawn, key=lambda file: file.step == step)}
    found = [(domain, read_grids([file], on_damage)) for domain, file in newest.items()]
    return [Timeline(domain, grids, 1) for domain, grids in found if grids]


def evenly_spaced(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` items, evenly spaced, with the first and the last; only the last if ``count`` is 1."""
    if len(items) <= count:
        return list(items)
    return [items[len(items) - 1 - (len(items) - 1) * i // max(1, count - 1)] for i in reversed(range(count))]


def read_grids(files: list[GridFile], on_damage: OnDamage) -> list[Grid]:
    """Read grids, except those that cannot be read."""
    grids = []
    for file in files:
        try:
            grids.append(Grid(file.epoch, file.step, read_picture(file.path)))
        except InputError as error:
            on_damage(str(error))
    return grids


def read_picture(path: Path) -> Picture:
    """A PNG file as a picture for a page.

    Raises:
        InputError: if it is not a complete PNG.
    """
    try:
        return embed(path.read_bytes())
    # The error depends on where the file is damaged.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise InputError(f"{path} is not a complete picture; expected a PNG") from None


def embed(content: bytes) -> Picture:
    """The content of a PNG file as a picture for a page.

    Raises:
        Exception: of various types, if it is not a complete PNG.
    """
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        width, height = image.size
        image.verify()  # reads every chunk and its checksum without decoding
    recoded = to_webp(content) if len(content) > LARGE else None
    kind, stored = ("png", content) if recoded is None else ("webp", recoded)
    return Picture(f"data:image/{kind};base64,{b64encode(stored).decode()}", width, height, recoded is not None)


def to_webp(content: bytes) -> bytes | None:
    """A PNG's pixels as WebP; None if that takes as much space or the image is too large for it."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        if max(image.size) > 16383:  # the format's limit
            return None
        smaller = io.BytesIO()
        image.convert("RGB").save(smaller, "WEBP", quality=90, method=2)
    return smaller.getvalue() if smaller.tell() < len(content) else None
