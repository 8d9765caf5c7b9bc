"""Metadata made by mutation: whatever they are, the pixels beside them are read."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.core.image_reader import failure_reason, open_with_alpha
from tests.support.odd_pictures import (
    Entry,
    encoded,
    exif,
    in_jpeg,
    in_png,
    in_tiff,
    in_webp,
    jpeg_segment,
    pixels,
    png_chunk,
    turned,
)

SMALL = pixels(13, 9)
TAGS = (0x10E, 0x112, 0x11A, 0x11B, 0x128, 0x132, 0x213, 0x8298, 0x83BB, 0x8649, 0x8769, 0x8773, 0x8825, 0x9204, 0xA005)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1"/></x:xmpmeta>'
ICC = struct.pack(">I", 300) + b"lcms\2\x10\0\0mntrRGB XYZ " + bytes(range(180)) * 2
PACKED_ICC, LARGE = zlib.compress(ICC), zlib.compress(bytes(3_000_000))
IPTC = b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\x0c\x1c\2\x05\0\5title\0\0" + b"8BIM\3\xed\0\0\0\0\0\x10" + bytes(16)


def mutated(draw: random.Random, block: bytes) -> bytes:
    """A block with some bytes replaced, removed, repeated or added."""
    content = bytearray(block)
    for _ in range(draw.choice((0, 1, 1, 2, 4, 16))):
        place = draw.randrange(len(content) + 1)
        change = draw.randrange(5)
        if change == 0:
            content[place : place + 1] = draw.randbytes(1)
        elif change == 1:
            del content[place : place + draw.randrange(12)]
        elif change == 2:
            content[place:place] = content[place : place + draw.randrange(40)]
        elif change == 3:
            content[place : place + 4] = draw.choice((b"\xff" * 4, b"\0" * 4, b"\0\0\0\x80", b"\x7f\xff\xff\xff"))
        else:
            content[place:place] = draw.randbytes(draw.randrange(300))
    return bytes(content)


def entry(draw: random.Random) -> Entry:
    """An entry of a directory with any type, count and content."""
    data = draw.choice((b"text", struct.pack("<ii", -1, 0), b"", draw.randbytes(draw.randrange(40))))
    kind, count = draw.choice((0, 1, 2, 3, 4, 5, 7, 9, 10, 12, 13, 99)), draw.choice((0, 1, 2, 9, 2**31))
    return draw.choice(TAGS), kind, count, data


def block(draw: random.Random) -> bytes:
    """EXIF data with odd entries, mutated."""
    entries = [entry(draw) for _ in range(draw.randrange(6))]
    made = exif(*entries, orientation=draw.choice((None, 1, 6, 9)), order=draw.choice("<>"))
    return draw.choice((b"", b"Exif\0\0")) + mutated(draw, made)


def jpeg(draw: random.Random) -> bytes:
    segments = []
    for _ in range(draw.randrange(1, 5)):
        marker, data = draw.choice(
            (
                (0xE1, b"Exif\0\0" + block(draw)),
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + mutated(draw, XMP)),
                (0xE2, b"ICC_PROFILE\0\1\1" + mutated(draw, ICC)),
                (0xE2, b"MPF\0" + block(draw)),
                (0xED, mutated(draw, IPTC)),
                (0xE0, mutated(draw, b"JFXX\0\x10thumbnail")),
                (0xFE, mutated(draw, b"a comment")),
                (draw.randrange(0xE3, 0xEE), draw.randbytes(draw.randrange(200))),
            )
        )
        segments.append(jpeg_segment(marker, data[:65000]))
    return in_jpeg(*segments, content=encoded("JPEG", Image.fromarray(SMALL), quality=95, subsampling=0))


def png(draw: random.Random) -> bytes:
    chunks = []
    for _ in range(draw.randrange(1, 5)):
        name, data = draw.choice(
            (
                (b"eXIf", block(draw)),
                (b"iCCP", mutated(draw, b"name\0\0" + PACKED_ICC)),
                (b"tEXt", mutated(draw, b"Raw profile type exif\0\nexif\n8\n" + block(draw).hex().encode())),
                (b"zTXt", mutated(draw, b"Comment\0\0" + draw.choice((PACKED_ICC, LARGE)))),
                (b"iTXt", mutated(draw, b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
                *((name, draw.randbytes(draw.randrange(40))) for name in (b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"tIME")),
                *((name, draw.randbytes(draw.randrange(40))) for name in (b"sBIT", b"bKGD", b"acTL", b"sPLT", b"hIST")),
            )
        )
        chunks.append(png_chunk(name, data, crc=draw.choice((None, None, 0))))
    return in_png(*chunks, content=encoded("PNG", Image.fromarray(SMALL)))


def webp(draw: random.Random) -> bytes:
    made = in_webp(block(draw) or b"x", mutated(draw, ICC) or b"x", mutated(draw, XMP) or b"x")
    flags = draw.choice((made[20], draw.randrange(256) & ~0x12 | made[20] & 0x12))
    return made[:20] + bytes([flags]) + made[21:]


def tiff(draw: random.Random) -> bytes:
    compression = draw.choice(("raw", "tiff_lzw", "tiff_adobe_deflate"))
    entries = [entry(draw) for _ in range(draw.randrange(1, 6))]
    entries += [(0x02BC, 1, len(XMP), mutated(draw, XMP))] * draw.randrange(2)
    return in_tiff(*entries, content=encoded("TIFF", Image.fromarray(SMALL), compression=compression))


MAKERS: dict[str, Callable[[random.Random], bytes]] = {"jpg": jpeg, "png": png, "webp": webp, "tif": tiff}


def lost(folder: Path, kind: str, count: int, seed: int) -> list[str]:
    """The reasons why pictures are lost, or that they are read as others."""
    draw = random.Random(f"{kind} {seed}")
    expected = pixels() if kind == "webp" else SMALL
    faults = []
    for number in range(count):
        path = folder / f"{number}.{kind}"
        path.write_bytes(MAKERS[kind](draw))
        try:
            image, alpha = open_with_alpha(path)
        except Exception as error:
            faults.append(f"{path.name}: {failure_reason(error)}")
            continue
        if alpha is not None or not any(same(np.asarray(image), turned(expected, way)) for way in range(1, 9)):
            faults.append(f"{path.name}: other pixels")
        path.unlink()
    return faults


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether pixels are equal up to the loss of JPEG."""
    return found.shape == expected.shape and bool(np.abs(found.astype(int) - expected).max() <= 24)


@pytest.mark.parametrize("kind", MAKERS)
def test_no_metadata_lose_a_picture(tmp_path: Path, kind: str) -> None:
    assert lost(tmp_path, kind, 40, seed=0) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_no_metadata_lose_a_picture_in_thousands(tmp_path: Path, kind: str) -> None:
    assert lost(tmp_path, kind, 3000, seed=1) == []
