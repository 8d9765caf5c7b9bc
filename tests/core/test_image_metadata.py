"""Pictures as people have them: odd metadata lose none, and the orientation is applied."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from tests.support.odd_pictures import (
    encoded,
    exif,
    in_jpeg,
    in_png,
    in_tiff,
    in_webp,
    jpeg_segment,
    matches,
    pixels,
    png_chunk,
    turned,
    write,
)

JUNK = b"Exif\0\0" + bytes(range(251)) * 3
INFINITE = (0x9204, 10, 1, struct.pack("<ii", -1, 0))  # ExposureBias, SRATIONAL -1/0
TEXT = (0x011A, 2, 6, b"seven\0")  # XResolution, a text
LIAR = (0x010E, 2, 0x7FFFFFFF, struct.pack("<I", 0xFFFFFF00))  # ImageDescription beyond the end
LOOP = (0x8769, 4, 1, struct.pack("<I", 8))  # the EXIF directory is this directory
BOMB = zlib.compress(bytes(80_000_000), 9)
SIXTH = exif(orientation=6)
BROKEN_EXIF = {
    "junk": JUNK,
    "empty": b"",
    "prefix": b"Exif\0\0",
    "short": b"Exif\0\0II*\0",
    "far": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "infinite": exif(INFINITE),
    "text": exif(TEXT),
    "liar": exif(LIAR),
    "loop": exif(LOOP),
    "no-count": b"II*\0\x08\0\0\0\xff\xff",
    "orientation-9": exif(orientation=9),
    "orientation-0": exif(orientation=0),
    "orientation-text": exif((0x112, 2, 4, b"six\0")),
    "orientation-ratio": exif((0x112, 5, 1, struct.pack("<II", 6, 0))),
}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="' + b"\xff\0<<<"


@pytest.mark.parametrize("block", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_no_exif_data_lose_a_picture(tmp_path: Path, block: bytes) -> None:
    prefixed = block if block.startswith(b"Exif") else b"Exif\0\0" + block
    contents = {
        "a.png": in_png(png_chunk(b"eXIf", block)),
        "b.webp": in_webp(exif=block),
        "c.jpg": in_jpeg(jpeg_segment(0xE1, prefixed)),
        "d.png": in_png(png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  99\n" + prefixed.hex().encode())),
    }
    for name, content in contents.items():
        assert matches(write(tmp_path, name, content), pixels(), lossy=name == "c.jpg"), name


@pytest.mark.parametrize("entry", [INFINITE, TEXT, LIAR, LOOP], ids=["infinite", "text", "liar", "loop"])
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
def test_odd_entries_do_not_keep_a_turned_picture_from_being_upright(
    tmp_path: Path, kind: str, entry: tuple[int, int, int, bytes]
) -> None:
    block = exif(entry, orientation=6)
    content = {
        "jpg": lambda: in_jpeg(jpeg_segment(0xE1, b"Exif\0\0" + block)),
        "png": lambda: in_png(png_chunk(b"eXIf", block)),
        "webp": lambda: in_webp(exif=b"Exif\0\0" + block),
        "tif": lambda: in_tiff(entry, (0x112, 3, 1, b"\6\0")),
    }[kind]()
    assert matches(write(tmp_path, f"a.{kind}", content), turned(pixels(), 6), lossy=kind == "jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_applied_in_every_format(tmp_path: Path, orientation: int) -> None:
    little, big = exif(orientation=orientation), exif(orientation=orientation, order=">")
    packet = f'<x tiff:Orientation="{orientation}"/>'.encode()
    tagged = f"<tiff:Orientation>{orientation}</tiff:Orientation>".encode()
    raw = b"Raw profile type exif\0", b"\nexif\n  34\n" + (b"Exif\0\0" + big).hex().encode()
    contents = {
        "a.jpg": in_jpeg(jpeg_segment(0xE1, b"Exif\0\0" + big)),
        "b.jpg": in_jpeg(jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)),
        "c.png": in_png(png_chunk(b"eXIf", little)),
        "d.png": in_png(png_chunk(b"tEXt", b"".join(raw))),
        "e.png": in_png(png_chunk(b"zTXt", raw[0] + b"\0" + zlib.compress(raw[1]))),
        "f.png": in_png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + tagged)),
        "g.webp": in_webp(exif=little),
        "h.webp": in_webp(xmp=packet),
        "i.tif": in_tiff((0x112, 3, 1, struct.pack("<H", orientation))),
        "j.tif": encoded("TIFF", compression="tiff_lzw", tiffinfo={0x112: orientation}),
        "k.png": encoded("PNG")[:-12] + png_chunk(b"eXIf", big) + encoded("PNG")[-12:],
    }
    for name, content in contents.items():
        expected = turned(pixels(), orientation)
        assert matches(write(tmp_path, name, content), expected, lossy=name.endswith("jpg")), name


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        png_chunk(b"zTXt", b"Comment\0\0" + BOMB),
        png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
        png_chunk(b"iCCP", b"profile\0\0" + BOMB),
        png_chunk(b"iCCP", b"profile\0\0" + b"not zlib"),
        png_chunk(b"iCCP", b"profile\0\7"),
        png_chunk(b"iCCP", b""),
        png_chunk(b"tEXt", b"Comment\0x", crc=1),
        png_chunk(b"pHYs", b"\0"),
        png_chunk(b"gAMA", b""),
        png_chunk(b"cHRM", b"\0\0"),
        png_chunk(b"sRGB", b""),
        png_chunk(b"acTL", b"\0"),
        png_chunk(b"tIME", b"now"),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
        png_chunk(b"tRNS", b""),
        png_chunk(b"tRNS", b"\0" * 6, crc=1),
    ],
    ids=lambda chunk: f"{chunk[4:8].decode()}-{len(chunk)}",
)
def test_no_chunk_beside_the_pixels_loses_a_png(tmp_path: Path, chunk: bytes) -> None:
    assert matches(write(tmp_path, "a.png", in_png(chunk)), pixels())


def test_many_texts_do_not_lose_a_png(tmp_path: Path) -> None:
    chunk = png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(900_000)))
    assert matches(write(tmp_path, "a.png", in_png(*[chunk] * 80)), pixels())


@pytest.mark.parametrize(
    "segment",
    [
        jpeg_segment(0xE0, b"JFIF\0"),
        jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        jpeg_segment(0xE2, b"ICC_PROFILE\0\1\3" + b"x" * 60000),
        jpeg_segment(0xE2, b"ICC_PROFILE\0"),
        jpeg_segment(0xE2, b"MPF\0" + exif((0xB001, 4, 1, struct.pack("<I", 3)), (0xB002, 7, 4, b"abcd"))),
        jpeg_segment(0xE2, b"MPF\0junk"),
        jpeg_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\xff" + bytes(9)),
        jpeg_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\3\xed\0\0\0\0\0\1x"),
        jpeg_segment(0xEE, b"Adobe"),
        jpeg_segment(0xFE, b"\xff" * 65000),
        jpeg_segment(0xE5, b""),
        b"\xff\xff\xff" + jpeg_segment(0xFE, b"filled"),
        b"junk between the segments",
    ],
    ids=lambda segment: segment[:12].hex(),
)
def test_no_segment_beside_the_pixels_loses_a_jpeg(tmp_path: Path, segment: bytes) -> None:
    assert matches(write(tmp_path, "a.jpg", in_jpeg(segment)), pixels(), lossy=True)


@pytest.mark.parametrize(
    "entry",
    [
        (0x011A, 5, 1, struct.pack("<II", 1, 0)),
        (0x8773, 7, 0xFFFFFF, struct.pack("<I", 8)),
        (0x8649, 2, 9, b"photoshop"),
        (0x83BB, 4, 70000, struct.pack("<I", 8)),
        (0x02BC, 1, len(XMP), XMP),
        (0x8825, 4, 1, struct.pack("<I", 0xFFFFFFF0)),
        (0x8769, 2, 4, b"text"),
        (0x014A, 4, 1, struct.pack("<I", 1)),
        (0x0128, 2, 2, b"i\0"),
        (0x0131, 99, 1, b"type"),
    ],
    ids=lambda entry: f"{entry[0]:x}-{entry[1]}",
)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_no_entry_beside_the_pixels_loses_a_tiff(
    tmp_path: Path, entry: tuple[int, int, int, bytes], compression: str
) -> None:
    content = in_tiff(entry, content=encoded("TIFF", compression=compression))
    assert matches(write(tmp_path, "a.tif", content), pixels())


def test_an_avif_file_with_broken_exif_data_is_read(tmp_path: Path) -> None:
    content = encoded("AVIF", quality=100, exif=exif(orientation=1), subsampling="4:4:4")
    content = content.replace(b"II*\0\x08\0\0\0", b"II*\0\xff\xff\xff\xff")
    assert matches(write(tmp_path, "a.avif", content), pixels(), lossy=True)
    content = encoded("AVIF", quality=100, exif=exif(orientation=6), subsampling="4:4:4")
    assert matches(write(tmp_path, "b.avif", content), turned(pixels(), 6), lossy=True)
