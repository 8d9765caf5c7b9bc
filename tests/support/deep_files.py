"""PNG and TIFF files of more than 8 bits or 4 channels, made byte by byte."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.odd_pictures import PNG_SIGNATURE, png_chunk

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}
"""Types of color of PNG files by number of channels."""


def png(levels: NDArray[np.uint16], clear: tuple[int, ...] = (), filtered: bool = False) -> bytes:
    """A PNG file of 16 bits.

    Args:
        levels: (height, width, channels).
        clear: the color that is transparent.
        filtered: whether bytes are stored as differences from those of the pixel on the left.
    """
    height, width, channels = levels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, KINDS[channels], 0, 0, 0)
    samples = np.ascontiguousarray(levels.astype(">u2")).view(np.uint8).reshape(height, width, -1)
    if filtered:
        samples = np.diff(samples, axis=1, prepend=np.uint8(0))
    rows = b"".join(bytes([filtered]) + row.tobytes() for row in samples)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if clear:
        chunks.insert(1, (b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks)


def tiff(
    values: NDArray[Any],
    photometric: int = 1,
    order: str = "<",
    separate: bool = False,
    deflated: bool = False,
    differences: bool = False,
    extra: tuple[int, ...] = (),
    rows: int = 3,
    **tags: int,
) -> bytes:
    """A TIFF file (height, width, channels) in strips.

    Args:
        values: uint8 or uint16.
        photometric: 1 for gray, 2 for RGB.
        order: "<" or ">".
        separate: whether each channel has a plane of its own.
        deflated: whether strips are compressed.
        differences: whether samples are stored as differences from the one on the left.
        extra: what the channels beside those of colors are: 1 or 2 for alpha, 0 for others.
        rows: rows of a strip.
        **tags: other values of tags, as ``tag_256``.
    """
    height, width, channels = values.shape
    planes = [values[:, :, [each]] for each in range(channels)] if separate else [values]
    kind = values.dtype.newbyteorder("<" if order == "<" else ">")
    strips = []
    for plane in planes:
        stored = np.diff(plane, axis=1, prepend=np.zeros_like(plane[:, :1])) if differences else plane
        strips += [stored[first : first + rows].astype(kind).tobytes() for first in range(0, height, rows)]
    strips = [zlib.compress(strip) for strip in strips] if deflated else strips
    places = [8 + sum(map(len, strips[:index])) for index in range(len(strips))]
    bits = [8 * values.dtype.itemsize] * channels
    entries: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", bits),
        259: ("H", [8 if deflated else 1]),
        262: ("H", [photometric]),
        273: ("I", places),
        277: ("H", [channels]),
        278: ("I", [rows]),
        279: ("I", [*map(len, strips)]),
        284: ("H", [2 if separate else 1]),
        317: ("H", [2 if differences else 1]),
    }
    if extra:
        entries[338] = ("H", [*extra])
    for name, value in tags.items():
        entries[int(name.removeprefix("tag_"))] = ("I" if value > 65535 else "H", [value])
    body = b"".join(strips)
    after = 8 + len(body) + 2 + 12 * len(entries) + 4
    table, data = b"", b""
    for tag, (code, numbers) in sorted(entries.items()):
        content = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        place = content.ljust(4, b"\0")
        if len(content) > 4:
            place = struct.pack(order + "I", after + len(data))
            data += content
        table += struct.pack(order + "HHI", tag, 3 if code == "H" else 4, len(numbers)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(body))
    return head + body + struct.pack(order + "H", len(entries)) + table + bytes(4) + data
