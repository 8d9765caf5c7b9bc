"""The metadata of image files: only the orientation is read, and the pixels are handed on without the metadata.

Decoders fail on metadata that say nothing about pixels (text in place of a number, a checksum, a size, a broken color
profile). They never get to see them: :func:`strip_metadata` copies what determines pixels, and nothing else.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

FORMATS = "JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP, PPM or JPEG 2000"
"""The formats that are read, as text. No other decoder is run on a file from elsewhere."""

ORIENTATION_TAG = 0x112

MAX_TEXT = 2**22
"""Largest compressed text that is searched for an orientation, in bytes after decompression."""

XMP_ORIENTATION = re.compile(rb"""tiff:Orientation(?:=["']|>)([1-8])["'<]""")

PIXEL_TAGS = (
    {*range(256, 260), 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320}
    | {*range(322, 326), 332, 338, 339, 347}
    | {*range(512, 522)}
)
"""Tags of TIFF files that determine pixels: shape, bits, compression, places, colors."""

YCBCR_TAGS = range(529, 533)
"""Tags of TIFF files that determine pixels if these are YCbCr (262 is 6)."""

TYPE_SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), start=1)) | {16: 8, 17: 8, 18: 8}
"""Bytes of each type of TIFF files."""

JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
"""The segment of JPEG files that says that colors are YCbCr, without a resolution."""


class Stripped(NamedTuple):
    """An image file without metadata.

    Attributes:
        content: the file, with the same pixels.
        orientation: 1 to 8 as in EXIF; None if the file has none.
        transparent: the transparent value of a gray PNG file, in its own number of bits; None if it has none.
        negative: whether 0 is white in a TIFF file of more than 8 bits. Pillow inverts those of up to 8 bits.
    """

    content: bytes
    orientation: int | None = None
    transparent: int | None = None
    negative: bool = False


def strip_metadata(kind: str, content: bytes) -> Stripped:
    """Read the orientation of an image file, and remove its metadata.

    Args:
        kind: Pillow's name of the format.
        content: the file. If its structure is damaged, it is returned as it is, and the decoder gives the reason.
    """
    strip = STRIPPERS.get(kind)
    if strip is None:
        return Stripped(content)
    try:
        return strip(content)
    except (struct.error, IndexError):
        return Stripped(content)


def exif_orientation(block: bytes) -> int | None:
    """The orientation in an EXIF block, or in the first directory of a TIFF file; None if there is none from 1 to 8."""
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    if block[:2] not in (b"II", b"MM"):
        return None
    try:
        value = tiff_number(block, tiff_entries(block).get(ORIENTATION_TAG))
    except struct.error:
        return None
    return value if value is not None and 1 <= value <= 8 else None


def xmp_orientation(packet: bytes) -> int | None:
    """The orientation in an XMP packet; None if there is none."""
    found = XMP_ORIENTATION.search(packet)
    return int(found[1]) if found else None


def tiff_order(content: bytes) -> str:
    """The order of bytes in a TIFF file or an EXIF block, as in :mod:`struct`."""
    return "<" if content[:2] == b"II" else ">"


def tiff_entries(content: bytes) -> dict[int, bytes]:
    """The entries of the first directory by tag, of 12 bytes each, or of 20 bytes in a BigTIFF file.

    Raises:
        struct.error: if the directory is outside the file.
    """
    order = tiff_order(content)
    if struct.unpack_from(order + "H", content, 2)[0] == 43:
        start, size, head = struct.unpack_from(order + "Q", content, 8)[0], 20, "Q"
    else:
        start, size, head = struct.unpack_from(order + "I", content, 4)[0], 12, "H"
    # unpack_from fails with another exception beyond the largest address.
    (count,) = struct.unpack_from(order + head, content, min(start, len(content)))
    start += struct.calcsize(order + head)
    end = min(start + size * count, len(content) - size + 1)
    entries = [content[place : place + size] for place in range(start, end, size)]
    return {struct.unpack_from(order + "H", entry)[0]: entry for entry in entries}


def tiff_number(content: bytes, entry: bytes | None) -> int | None:
    """The value of an entry that holds one whole number; None if it holds something else, or is missing."""
    if entry is None:
        return None
    order = tiff_order(content)
    kind, count = struct.unpack_from(order + ("HQ" if len(entry) == 20 else "HI"), entry, 2)
    code = {1: "B", 3: "H", 4: "I"}.get(kind)
    if code is None or count != 1:
        return None
    value: int = struct.unpack_from(order + code, entry, 12 if len(entry) == 20 else 8)[0]
    return value


def is_inside(content: bytes, entry: bytes) -> bool:
    """Whether an entry has a known type and its values are inside the file."""
    order, big = tiff_order(content), len(entry) == 20
    kind, count = struct.unpack_from(order + ("HQ" if big else "HI"), entry, 2)
    size = TYPE_SIZES.get(kind, len(content)) * count
    if size <= (8 if big else 4):
        return kind in TYPE_SIZES
    place = struct.unpack_from(order + ("Q" if big else "I"), entry, 12 if big else 8)[0]
    return bool(place + size <= len(content))


def strip_tiff(content: bytes) -> Stripped:
    """Append a directory that has only the entries that determine pixels, of the first image."""
    order = tiff_order(content)
    kept = {tag: entry for tag, entry in tiff_entries(content).items() if is_inside(content, entry)}
    tags = PIXEL_TAGS | ({*YCBCR_TAGS} if tiff_number(content, kept.get(262)) == 6 else set())
    kept = {tag: entry for tag, entry in kept.items() if tag in tags}
    big = struct.unpack_from(order + "H", content, 2)[0] == 43
    # Pillow inverts no values of more than 8 bits: it is told that 0 is black.
    negative = tiff_number(content, kept.get(262)) == 0 and (tiff_number(content, kept.get(258)) or 1) > 8
    if negative:
        kept[262] = struct.pack(order + ("HHQH6x" if big else "HHIH2x"), 262, 3, 1, 1)
    stripped = bytearray(content) + bytes(len(content) % 2)
    struct.pack_into(order + ("Q" if big else "I"), stripped, 8 if big else 4, len(stripped))
    table = b"".join(kept.values()) + bytes(8 if big else 4)
    stripped += struct.pack(order + ("Q" if big else "H"), len(kept)) + table
    return Stripped(bytes(stripped), exif_orientation(content), negative=negative)


def strip_jpeg(content: bytes) -> Stripped:
    """Keep the segments of the coder, and of the application segments those that determine the colors."""
    kept, exif, xmp, place = [content[:2]], None, None, 2
    while True:
        place = content.find(b"\xff", place)  # beyond bytes that belong to no segment
        if place < 0:
            return Stripped(content)
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in (0x00, 0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            place += 2
        elif marker in (0xD9, 0xDA):
            kept.append(content[place:])
            return Stripped(b"".join(kept), exif or xmp)
        else:
            end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
            data = content[place + 4 : end]
            if marker == 0xE1:
                exif = exif or (exif_orientation(data) if data.startswith(b"Exif\0") else None)
                xmp = xmp or xmp_orientation(data)
            elif marker == 0xE0 and data.startswith(b"JFIF\0") and len(data) >= 14:
                kept.append(JFIF)
            elif (marker == 0xEE and data.startswith(b"Adobe") and len(data) >= 12) or (
                not 0xE0 <= marker <= 0xEF and marker != 0xFE
            ):
                kept.append(content[place:end])
            place = end


def strip_png(content: bytes) -> Stripped:
    """Keep the critical chunks, and the transparent colors if they are valid."""
    kept, exif, other, transparent, place = [content[:8]], None, None, None, 8
    bits, color = content[24], content[25]
    pixels = False
    while place + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        name, end = content[place + 4 : place + 8], place + 12 + length
        data = content[place + 8 : end - 4]
        pixels |= name == b"IDAT"
        if not name[0] & 0x20:  # critical
            kept.append(content[place:end])
        elif (
            name == b"tRNS" and not pixels and zlib.crc32(name + data) == int.from_bytes(content[end - 4 : end], "big")
        ):
            if color == 0 and length == 2:
                transparent = int.from_bytes(data, "big") & (2**bits - 1)
            elif (color == 2 and length == 6) or (color == 3 and 1 <= length <= 256):
                kept.append(content[place:end])
        elif name == b"eXIf":
            exif = exif or exif_orientation(data)
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            other = other or text_orientation(name, data)
        if name == b"IEND":
            break
        place = end
    return Stripped(b"".join(kept), exif or other, transparent)


def text_orientation(name: bytes, data: bytes) -> int | None:
    """The orientation in a text chunk of a PNG file: XMP, or EXIF data as ImageMagick writes them; None if none."""
    key, _, text = data.partition(b"\0")
    if key not in (b"XML:com.adobe.xmp", b"Raw profile type exif", b"Raw profile type APP1"):
        return None
    packed = name == b"zTXt"
    if packed:
        text = text[1:]
    elif name == b"iTXt":
        packed = text[:1] == b"\1"
        text = text[2:].split(b"\0", 2)[-1]  # after the language and the translated key
    if packed:
        try:
            text = zlib.decompressobj().decompress(text, MAX_TEXT)
        except zlib.error:
            return None
    if key == b"XML:com.adobe.xmp":
        return xmp_orientation(text)
    try:  # a line each with the name and the length, then hexadecimal digits
        return exif_orientation(bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii")))
    except ValueError:
        return None


def strip_webp(content: bytes) -> Stripped:
    """Keep the chunks of pixels, and no flags of other chunks."""
    chunks, exif, xmp, place = [b"WEBP"], None, None, 12
    while place + 8 <= len(content):
        name, (length,) = content[place : place + 4], struct.unpack_from("<I", content, place + 4)
        end = place + 8 + length
        if name == b"VP8X":
            chunks.append(content[place : place + 8] + bytes([content[place + 8] & 0x12]) + content[place + 9 : end])
        elif name in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
            chunks.append(content[place:end] + bytes(length % 2))
        elif name == b"EXIF":
            exif = exif or exif_orientation(content[place + 8 : end])
        elif name == b"XMP ":
            xmp = xmp or xmp_orientation(content[place + 8 : end])
        place = end + length % 2
    body = b"".join(chunks)
    return Stripped(b"RIFF" + struct.pack("<I", len(body)) + body, exif or xmp)


def strip_avif(content: bytes) -> Stripped:
    """Rename items of EXIF data, so that decoders ignore them: AVIF has its own property of the orientation."""
    return Stripped(re.sub(rb"(infe[\x02\x03].{7,9}?)Exif", rb"\1free", content, flags=re.DOTALL))


STRIPPERS: dict[str, Callable[[bytes], Stripped]] = {
    "AVIF": strip_avif,
    "JPEG": strip_jpeg,
    "PNG": strip_png,
    "TIFF": strip_tiff,
    "WEBP": strip_webp,
}
"""The functions for each format that has metadata that its decoder reads."""
