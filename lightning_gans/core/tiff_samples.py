"""The samples of TIFF files of any number of channels, of 8 or 16 bits.

Pillow opens few combinations of channels and bits, and reduces those of colors to 8 bits. Its decoder of TIFF files
(libtiff) needs to know nothing of channels, however: the rows of an image of C channels, with the channels of a pixel
side by side, are rows of a gray image that is C times as wide; and where each channel has a plane of its own, each
plane is a gray image. The decoder is given a directory that says so, and all its checks hold: of sizes, compression
and damage.
"""

from __future__ import annotations

import io
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from lightning_gans.core.image_metadata import (
    ORIENTATION_TAG,
    TYPE_SIZES,
    exif_orientation,
    is_inside,
    tiff_entries,
    tiff_order,
)

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES, PREDICTOR = 256, 257, 258, 259, 262, 277, 284, 317
TILE_WIDTH, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 338, 339
PLACES = {273: 279, 324: 325}
"""The tags of the places of strips and of tiles, with those of their sizes in bytes."""

KEPT = {HEIGHT, COMPRESSION, 266, 278, 292, 293, TILE_WIDTH, 323, *PLACES, *PLACES.values()}
"""The tags that the decoder gets as they are, unless they are replaced."""

CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Types of whole numbers, as in :mod:`struct`."""


class SampleLayout(NamedTuple):
    """How the samples of the first image of a TIFF file are stored.

    Attributes:
        width: in pixels.
        height: in pixels.
        samples: number of channels.
        bits: of each channel, or 0 if they differ.
        photometric: 0 or 1 for gray, 2 for RGB; others are not read here.
        separate: whether each channel has a plane of its own.
        predictor: 2 if each sample is stored as the difference from the one on the left, else 1.
        tile_width: in pixels; 0 if rows are whole.
        alpha: whether the last channel is opacity.
        premultiplied: whether opacity has been multiplied into the colors.
        unsigned: whether values are whole numbers without a sign.
        orientation: 1 to 8 as in EXIF.
    """

    width: int
    height: int
    samples: int
    bits: int
    photometric: int
    separate: bool
    predictor: int
    tile_width: int
    alpha: bool
    premultiplied: bool
    unsigned: bool
    orientation: int

    @property
    def is_array(self) -> bool:
        """Whether the channels have no known colors: more than 4 in gray or RGB, or several in gray without alpha."""
        if self.photometric not in (1, 2):
            return False
        gray_and_alpha = self.samples == 2 and (self.alpha or self.bits == 8)
        return self.samples > 4 or (self.photometric == 1 and self.samples > 1 and not gray_and_alpha)

    @property
    def is_deep_color(self) -> bool:
        """Whether it is RGB, with or without alpha, of 16 bits."""
        return self.bits == 16 and self.photometric == 2 and self.samples in (3, 4)


def sample_layout(content: bytes) -> SampleLayout | None:
    """How the samples of the first image are stored; None if a TIFF file does not say it.

    Args:
        content: a TIFF file.
    """
    try:
        entries = tiff_entries(content)
        found = {tag: numbers_of(content, entries[tag]) for tag in entries if tag in WHOLE_NUMBERS}
    except struct.error:
        return None
    first = {tag: values[0] for tag, values in found.items() if values}
    if not {WIDTH, HEIGHT} <= first.keys():
        return None
    bits, extra = found.get(BITS) or [1], found.get(EXTRA_SAMPLES) or [0]
    return SampleLayout(
        width=first[WIDTH],
        height=first[HEIGHT],
        samples=first.get(SAMPLES, 1),
        bits=bits[0] if len({*bits}) == 1 else 0,
        photometric=first.get(PHOTOMETRIC, 1),
        separate=first.get(PLANES, 1) == 2,
        predictor=first.get(PREDICTOR, 1),
        tile_width=first.get(TILE_WIDTH, 0),
        alpha=extra[-1] in (1, 2),
        premultiplied=extra[-1] == 1,
        unsigned={*(found.get(SAMPLE_FORMAT) or [1])} <= {1, 4},
        orientation=exif_orientation(content) or 1,
    )


WHOLE_NUMBERS = {WIDTH, HEIGHT, BITS, PHOTOMETRIC, SAMPLES, PLANES, PREDICTOR, TILE_WIDTH}
WHOLE_NUMBERS |= {EXTRA_SAMPLES, SAMPLE_FORMAT, ORIENTATION_TAG}
"""Tags whose values are read here."""

DAMAGED = "a TIFF file that is damaged or of a kind that Pillow cannot read"

MOST_NUMBERS = 2**16
"""Largest number of values of a tag that is read here: one for each channel."""


def numbers_of(content: bytes, entry: bytes) -> list[int]:
    """The whole numbers of an entry; none if it holds something else, or they are outside the file."""
    order, big = tiff_order(content), len(entry) == 20
    kind, count = struct.unpack_from(order + ("HQ" if big else "HI"), entry, 2)
    if kind not in CODES or count > MOST_NUMBERS or not is_inside(content, entry):
        return []
    size, room = TYPE_SIZES[kind] * count, 8 if big else 4
    if size <= room:
        return list(struct.unpack_from(f"{order}{count}{CODES[kind]}", entry, 12 if big else 8))
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), entry, 12 if big else 8)
    return list(struct.unpack_from(f"{order}{count}{CODES[kind]}", content, place))


def check_layout(layout: SampleLayout) -> None:
    """Check that samples can be read.

    Raises:
        ValueError: if there are too many, or their kind is not read.
    """
    width, height, samples = layout.width, layout.height, layout.samples
    if min(width, height, samples) < 1:
        raise ValueError(f"{width} x {height} pixels of {samples} channels")
    most = 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else None
    if most is not None and (values := width * height * samples) > most:
        raise ValueError(
            f"{width} x {height} pixels of {samples} channels = {values:,} values; expected at most {most:,}"
        )
    if not layout.unsigned:
        raise ValueError("pixels with a sign or of more than 16 bits")
    if layout.bits not in (8, 16):
        raise ValueError(f"a TIFF file of {samples} channels of {layout.bits or 'different'} bits; expected 8 or 16")
    if layout.predictor not in (1, 2):
        raise ValueError(f"a TIFF file with predictor {layout.predictor}; expected 1 or 2")


def read_samples(content: bytes, layout: SampleLayout) -> NDArray[Any]:
    """The samples (height, width, channels), uint8 or uint16, in the order in which they are stored.

    Args:
        content: the TIFF file.
        layout: that of :func:`sample_layout`.

    Raises:
        ValueError: if there are too many, or their kind is not read.
        Exception: any error of Pillow, if the file is damaged.
    """
    check_layout(layout)
    count = layout.samples
    if layout.separate and count > 1:
        planes = [decode_plane(content, layout, 1, plane) for plane in range(count)]
        return np.stack([differences_summed(each[:, :, None], layout)[:, :, 0] for each in planes], axis=2)
    values = decode_plane(content, layout, count).reshape(layout.height, layout.width, count)
    return differences_summed(values, layout)


def decode_plane(content: bytes, layout: SampleLayout, samples: int, plane: int | None = None) -> NDArray[Any]:
    """Decode strips or tiles as those of a gray image.

    Args:
        content: the TIFF file.
        layout: how its samples are stored.
        samples: number of samples of a pixel that are side by side.
        plane: number of the plane; None if there is one.

    Returns:
        (height, width * samples), uint8 or uint16, before differences are summed.
    """
    order, entries = tiff_order(content), tiff_entries(content)
    kept = {tag: entry for tag, entry in entries.items() if tag in KEPT and is_inside(content, entry)}
    big = struct.unpack_from(order + "H", content, 2)[0] == 43
    for tag in (*PLACES, *PLACES.values()) if plane is not None else ():
        if tag in kept:
            kept[tag] = part_of(content, kept[tag], plane or 0, layout.samples)
    values = {WIDTH: layout.width * samples, BITS: layout.bits, PHOTOMETRIC: 1, SAMPLES: 1}
    values |= {TILE_WIDTH: layout.tile_width * samples} if layout.tile_width else {}
    for tag, value in values.items():
        kept[tag] = struct.pack(order + ("HHQQ" if big else "HHII"), tag, 4, 1, value)
    described = bytearray(content) + bytes(len(content) % 2)
    struct.pack_into(order + ("Q" if big else "I"), described, 8 if big else 4, len(described))
    table = b"".join(kept[tag] for tag in sorted(kept)) + bytes(8 if big else 4)
    described += struct.pack(order + ("Q" if big else "H"), len(kept)) + table
    try:
        with TiffImageFile(io.BytesIO(described)) as file:
            decoded = np.asarray(file)
    except (SyntaxError, TypeError, KeyError) as error:
        raise ValueError(DAMAGED) from error
    kind: type[np.unsignedinteger[Any]] = np.uint8 if layout.bits == 8 else np.uint16
    if decoded.dtype.itemsize != layout.bits // 8 or decoded.shape != (layout.height, layout.width * samples):
        raise ValueError(DAMAGED)
    return decoded.astype(kind)


def part_of(content: bytes, entry: bytes, part: int, parts: int) -> bytes:
    """The entry of one of ``parts`` equal parts of an entry's numbers.

    Raises:
        ValueError: if they cannot be divided.
    """
    order, big = tiff_order(content), len(entry) == 20
    tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), entry)
    if count % parts or kind not in CODES:
        raise ValueError(f"a TIFF file of {parts} planes with {count} strips or tiles")
    size, each, room = TYPE_SIZES[kind], count // parts, 8 if big else 4
    head = struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, each)
    code = "Q" if big else "I"
    if size * count <= room:
        first = 12 if big else 8
        inside = entry[first + part * each * size : first + (part + 1) * each * size]
        return head + inside.ljust(room, b"\0")
    place = struct.unpack_from(order + code, entry, 12 if big else 8)[0] + part * each * size
    if size * each <= room:
        return head + content[place : place + size * each].ljust(room, b"\0")
    return head + struct.pack(order + code, place)


def differences_summed(values: NDArray[Any], layout: SampleLayout) -> NDArray[Any]:
    """The samples (height, width, channels), where they are stored as differences in the rows of each tile."""
    if layout.predictor == 1:
        return values
    step = layout.tile_width or layout.width
    parts = [values[:, first : first + step] for first in range(0, layout.width, step)]
    return np.concatenate([np.cumsum(part, axis=1, dtype=values.dtype) for part in parts], axis=1)
