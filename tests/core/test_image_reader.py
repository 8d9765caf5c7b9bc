"""Pictures as people have them: odd metadata lose none, and each kind of pixel is read as it looks."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lightning_gans.core.image_reader import open_rgb, open_with_alpha
from tests.support.odd_pictures import (
    encoded,
    exif,
    gray_png,
    gray_tiff,
    in_jpeg,
    in_png,
    in_tiff,
    in_webp,
    jpeg_segment,
    pixels,
    png_chunk,
    turned,
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


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def matches(path: Path, expected: Any, lossy: bool = False) -> bool:
    found = np.asarray(open_rgb(path)).astype(int)
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= (12 if lossy else 0))


# Metadata.


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


# Pixels.

GRAY16 = np.array([[0, 128, 129, 385], [386, 32768, 65406, 65535]], dtype=np.uint16)
GRAY8 = np.array([[0, 0, 1, 1], [2, 128, 254, 255]])


def gray(path: Path) -> Any:
    image, _ = open_with_alpha(path)
    red, green, blue = np.asarray(image).transpose(2, 0, 1)
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)
    return red


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_tiff_with_white_at_zero_is_no_negative(tmp_path: Path, order: str) -> None:
    content = gray_tiff(GRAY16, photometric=1, order=order)
    assert np.array_equal(gray(write(tmp_path, "black.tif", content)), GRAY8)
    content = gray_tiff(65535 - GRAY16, photometric=0, order=order)
    assert np.array_equal(gray(write(tmp_path, "white.tif", content)), GRAY8)


def test_a_bigtiff_file_is_read(tmp_path: Path) -> None:
    content = encoded("TIFF", Image.fromarray(GRAY16), big_tiff=True, tiffinfo={0x112: 3})
    assert content[2] == 43
    assert np.array_equal(gray(write(tmp_path, "a.tif", content)), GRAY8[::-1, ::-1])


def test_compressed_sixteen_bit_tiff_with_white_at_zero_is_no_negative(tmp_path: Path) -> None:
    content = encoded("TIFF", Image.fromarray(65535 - GRAY16), compression="tiff_adobe_deflate")
    content = in_tiff((262, 3, 1, b"\0\0"), content=content)
    assert np.array_equal(gray(write(tmp_path, "white.tif", content)), GRAY8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_tiff_of_few_bits_with_white_at_zero_is_no_negative(tmp_path: Path, order: str, bits: int) -> None:
    for photometric in (0, 1):
        packed = np.array([[0], [255]], dtype=np.uint8)
        levels = gray(write(tmp_path, "a.tif", gray_tiff(packed, photometric, order, bits=bits)))
        assert levels.shape == (2, 8 // bits)
        assert levels[0].tolist() == [255 * (photometric == 0)] * (8 // bits)
        assert levels[1].tolist() == [255 * (photometric == 1)] * (8 // bits)


def test_tiff_of_twelve_bits_has_its_whole_range(tmp_path: Path) -> None:
    packed = np.array([[0x00, 0x0F, 0xFF], [0x80, 0x08, 0x00]], dtype=np.uint8)  # 0, 4095; 2048, 2048
    levels = gray(write(tmp_path, "a.tif", gray_tiff(packed, bits=12)))
    assert levels.tolist() == [[0, 255], [128, 128]]


@pytest.mark.parametrize(
    ("values", "sample_format"),
    [
        (np.zeros((2, 2), dtype=np.float32), 3),
        (np.zeros((2, 2), dtype=np.uint32), 1),
        (np.zeros((2, 2), dtype=np.int32), 2),
        (np.zeros((2, 2), dtype=np.int16), 2),
    ],
    ids=["float32", "uint32", "int32", "int16"],
)
def test_pixels_of_unknown_range_are_refused_by_a_true_reason(tmp_path: Path, values: Any, sample_format: int) -> None:
    with pytest.raises(ValueError, match=r"^pixels with a sign or of more than 16 bits$"):
        open_rgb(write(tmp_path, "a.tif", gray_tiff(values, sample_format=sample_format)))


@pytest.mark.parametrize(
    ("bits", "value", "level"), [(1, 1, 255), (2, 2, 170), (4, 5, 85), (8, 77, 77), (16, 25700, 100)]
)
def test_the_transparent_value_of_a_gray_png_becomes_white(tmp_path: Path, bits: int, value: int, level: int) -> None:
    rows = np.array([[0, value], [value, 0]])
    image, alpha = open_with_alpha(write(tmp_path, "a.png", gray_png(rows, bits, transparent=value)))
    assert alpha is not None
    assert np.asarray(alpha).tolist() == [[255, 0], [0, 255]]
    assert np.asarray(image)[:, :, 0].tolist() == [[0, 255], [255, 0]]
    image, alpha = open_with_alpha(write(tmp_path, "b.png", gray_png(rows, bits)))
    assert alpha is None
    assert np.asarray(image)[:, :, 0].tolist() == [[0, level], [level, 0]]


def test_values_near_the_transparent_one_are_not_transparent(tmp_path: Path) -> None:
    rows = np.array([[1000, 1001, 999]])
    _, alpha = open_with_alpha(write(tmp_path, "a.png", gray_png(rows, 16, transparent=1000)))
    assert alpha is not None
    assert np.asarray(alpha).tolist() == [[0, 255, 255]]


@pytest.mark.parametrize("deep", [False, True])
def test_the_transparent_color_of_a_png_becomes_white(tmp_path: Path, deep: bool) -> None:
    colors = np.array([[[200, 10, 30], [200, 10, 31]]]) * (257 if deep else 1)
    kind = ">u2" if deep else ">u1"
    header = struct.pack(">IIBBBBB", 2, 1, 16 if deep else 8, 2, 0, 0, 0)
    clear = colors[0, 0].astype(">u2").tobytes()
    data = zlib.compress(b"\0" + colors.astype(kind).tobytes())
    chunks = [(b"IHDR", header), (b"tRNS", clear), (b"IDAT", data), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    image, alpha = open_with_alpha(write(tmp_path, "a.png", content))
    assert alpha is not None
    assert np.asarray(alpha).tolist() == [[0, 255]]
    assert np.asarray(image).tolist() == [[[255, 255, 255], [200, 10, 31]]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_channels_are_kept(tmp_path: Path, mode: str) -> None:
    image = Image.new("LA", (2, 1), (100, 255))
    image.putpixel((1, 0), (100, 0))
    shown, alpha = open_with_alpha(write(tmp_path, "a", encoded("PNG", image.convert(mode))))
    assert alpha is not None
    assert np.asarray(alpha).tolist() == [[255, 0]]
    assert np.asarray(shown).tolist() == [[[100] * 3, [255] * 3]]


def test_cmyk_of_adobe_is_no_negative(tmp_path: Path) -> None:
    content = encoded("JPEG", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    assert b"Adobe" in content[:40]
    assert np.abs(np.asarray(open_rgb(write(tmp_path, "a.jpg", content))).astype(int) - (255, 0, 0)).max() <= 4


def test_jpeg_in_rgb_keeps_its_colors(tmp_path: Path) -> None:
    content = encoded("JPEG", keep_rgb=True, quality=95)
    assert matches(write(tmp_path, "a.jpg", content), pixels(), lossy=True)


# Files.


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000"])
def test_a_format_is_recognized_by_its_content(tmp_path: Path, kind: str) -> None:
    found = np.asarray(open_rgb(write(tmp_path, "a.png", encoded(kind)))).astype(int)
    assert np.abs(found - pixels()).mean() < 8


@pytest.mark.parametrize("kind", ["EPS", "PCX", "SGI", "TGA", "ICO", "PDF", "SPIDER", "IM"])
def test_other_formats_are_not_decoded(tmp_path: Path, kind: str) -> None:
    image = Image.new("F", (8, 8)) if kind == "SPIDER" else None
    with pytest.raises(Exception, match=r"cannot identify|not an image"):
        open_rgb(write(tmp_path, "a.png", encoded(kind, image)))


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        content = encoded(kind, Image.effect_noise((64, 64), 90).convert("RGB"))
        for share in (0.3, 0.7):
            with pytest.raises(Exception):  # noqa: B017, PT011 (Pillow's errors are of many types)
                open_rgb(write(tmp_path, "a", content[: int(len(content) * share)]))


def test_heic_files_are_refused_by_their_name(tmp_path: Path) -> None:
    header = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    with pytest.raises(ValueError, match=r"^HEIC, which is not supported; convert it to JPEG or PNG$"):
        open_rgb(write(tmp_path, "a.jpg", header))


def test_a_picture_of_two_views_is_read_as_the_first(tmp_path: Path) -> None:
    second = Image.new("RGB", (24, 16))
    content = encoded("MPO", save_all=True, append_images=[second], quality=95)
    assert matches(write(tmp_path, "a.jpg", content), pixels(), lossy=True)


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", encoded("PNG"))
    os.truncate(path, 2**31 + 1)  # takes no space
    with pytest.raises(ValueError, match=r"^a file of 2,147,483,649 bytes, more than 2,147,483,648$"):
        open_rgb(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="not a regular file"):
        open_rgb(tmp_path / "a.png")


def test_of_several_pages_the_first_is_taken(tmp_path: Path) -> None:
    second = Image.new("RGB", (8, 8), "blue")
    for kind in ("TIFF", "GIF", "PNG", "WEBP"):
        file = io.BytesIO()
        options = {"lossless": True} if kind == "WEBP" else {}
        Image.new("RGB", (8, 8), "red").save(file, kind, save_all=True, append_images=[second], **options)
        image = open_rgb(write(tmp_path, "a", file.getvalue()))
        assert image.getpixel((4, 4)) == (255, 0, 0), kind
