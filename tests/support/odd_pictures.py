"""Image files with odd metadata and of odd kinds, made byte by byte; their pixels are intact."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.core.image_reader import open_rgb

ORIENTATION = 0x112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Entry = tuple[int, int, int, bytes]
"""Tag, type, count and bytes of a TIFF entry."""


def pixels(width: int = 24, height: int = 16) -> NDArray[np.uint8]:
    """Smooth colors (height, width, 3), which JPEG keeps nearly."""
    x, y = np.meshgrid(np.linspace(20, 230, width), np.linspace(20, 230, height))
    return np.stack([x, y, 255 - x], axis=2).astype(np.uint8)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """A file with the content of :func:`pixels`, or of an image."""
    file = io.BytesIO()
    lossless = {"lossless": True} if kind == "WEBP" else {}
    (Image.fromarray(pixels()) if image is None else image).save(file, kind, **lossless, **options)
    return file.getvalue()


def png_chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A chunk; ``crc`` replaces the right checksum."""
    return (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)
    )


def in_png(*chunks: bytes, content: bytes | None = None) -> bytes:
    """A PNG file with more chunks after its header."""
    content = encoded("PNG") if content is None else content
    start = len(PNG_SIGNATURE) + 25
    return content[:start] + b"".join(chunks) + content[start:]


def jpeg_segment(marker: int, data: bytes) -> bytes:
    """A segment with marker FF xx."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def in_jpeg(*segments: bytes, content: bytes | None = None) -> bytes:
    """A JPEG file with more segments at its start."""
    content = encoded("JPEG", quality=95) if content is None else content
    return content[:2] + b"".join(segments) + content[2:]


def in_webp(exif: bytes = b"", icc_profile: bytes = b"", xmp: bytes = b"") -> bytes:
    """A lossless WebP file with metadata of any bytes."""
    return encoded("WEBP", exif=exif, icc_profile=icc_profile, xmp=xmp)


def in_tiff(*entries: Entry, content: bytes | None = None) -> bytes:
    """A little-endian TIFF file with more entries, or others, in its directory."""
    content = encoded("TIFF") if content is None else content
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    table = {
        struct.unpack_from("<H", content, start + 2 + 12 * index)[0]: content[start + 2 + 12 * index :][:12]
        for index in range(count)
    }
    grown = bytearray(content)
    for tag, kind, number, data in entries:
        place = data.ljust(4, b"\0")
        if len(data) > 4:
            place = struct.pack("<I", len(grown))
            grown += data + b"\0" * (len(data) % 2)
        table[tag] = struct.pack("<HHI", tag, kind, number) + place
    grown[4:8] = struct.pack("<I", len(grown))
    return bytes(grown) + struct.pack("<H", len(table)) + b"".join(table[tag] for tag in sorted(table)) + b"\0" * 4


def exif(*entries: Entry, orientation: int | None = None, order: str = "<") -> bytes:
    """An EXIF block without the prefix of JPEG."""
    if orientation is not None:
        entries = ((ORIENTATION, 3, 1, struct.pack(order + "H", orientation)), *entries)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(entries))
    table, data, place = b"", b"", len(head) + 12 * len(entries) + 4
    for tag, kind, number, content in entries:
        inside = content.ljust(4, b"\0")
        if len(content) > 4:
            inside = struct.pack(order + "I", place + len(data))
            data += content
        table += struct.pack(order + "HHI", tag, kind, number) + inside
    return head + table + b"\0" * 4 + data


def gray_tiff(
    values: NDArray[Any], photometric: int = 1, order: str = "<", bits: int | None = None, sample_format: int = 1
) -> bytes:
    """A TIFF file of one channel without compression.

    Args:
        values: (height, width), of the type that is stored, or uint8 bytes of packed rows with ``bits``.
        photometric: 0 for white at zero, 1 for black at zero.
        order: "<" or ">".
        bits: bits per pixel; by default those of ``values``.
        sample_format: 1 unsigned, 2 signed, 3 float.
    """
    height, width = values.shape
    if bits is None:
        bits = values.dtype.itemsize * 8
    else:
        width = width * 8 // bits
    data = values.astype(values.dtype.newbyteorder("<" if order == "<" else ">")).tobytes()
    shorts = [(258, bits), (259, 1), (262, photometric), (277, 1), (339, sample_format)]
    longs = [(256, width), (257, height), (273, 8), (278, height), (279, len(data))]
    entries = [(tag, struct.pack(order + "HHIH2x", tag, 3, 1, value)) for tag, value in shorts]
    entries += [(tag, struct.pack(order + "HHII", tag, 4, 1, value)) for tag, value in longs]
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    table = b"".join(entry for _, entry in sorted(entries))
    return head + data + struct.pack(order + "H", len(entries)) + table + b"\0" * 4


def gray_png(rows: NDArray[Any], bits: int, transparent: int | None = None) -> bytes:
    """A gray PNG file of 1, 2, 4, 8 or 16 bits.

    Args:
        rows: (height, width), values of ``bits`` bits.
        bits: bits per pixel.
        transparent: the value that is transparent.
    """
    height, width = rows.shape
    if bits == 16:
        lines = [row.astype(">u2").tobytes() for row in rows]
    else:
        binary = ((rows[:, :, None] >> np.arange(bits)[::-1]) & 1).reshape(height, width * bits).astype(np.uint8)
        lines = [np.packbits(row).tobytes() for row in binary]
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    clear = [] if transparent is None else [png_chunk(b"tRNS", struct.pack(">H", transparent))]
    data = zlib.compress(b"".join(b"\0" + line for line in lines))
    chunks = [png_chunk(b"IHDR", header), *clear, png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(chunks)


def turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """What an image with these pixels and this EXIF orientation shows."""
    ways: Sequence[Any] = (
        lambda v: v,
        lambda v: v[:, ::-1],
        lambda v: v[::-1, ::-1],
        lambda v: v[::-1],
        lambda v: v.swapaxes(0, 1),
        lambda v: np.rot90(v, -1),
        lambda v: v[::-1, ::-1].swapaxes(0, 1),
        lambda v: np.rot90(v, 1),
    )
    result: NDArray[Any] = ways[orientation - 1](values)
    return result


def write(folder: Path, name: str, content: bytes) -> Path:
    """The path of a new file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def matches(path: Path, expected: Any, lossy: bool = False) -> bool:
    """Whether a file is read as these pixels."""
    found = np.asarray(open_rgb(path)).astype(int)
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= (12 if lossy else 0))
