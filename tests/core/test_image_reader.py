"""Pictures as people have them: each kind of pixel is read as it looks."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from lightning_gans.core.image_reader import describe_image, open_described, open_rgb, open_with_alpha
from tests.support.odd_pictures import (
    encoded,
    exif,
    gray_png,
    gray_tiff,
    in_tiff,
    matches,
    pixels,
    png_chunk,
    write,
)

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


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("TIFF", mode) for mode in ("L", "RGBA", "I;16", "CMYK")),
        *(("GIF", mode) for mode in ("P", "RGBA")),
    ],
)
def test_a_file_is_described_from_its_header_as_when_it_is_decoded(kind: str, mode: str) -> None:
    color = Image.new("RGBA", (8, 4), (9, 99, 200, 0))
    image = (
        Image.fromarray(GRAY16) if mode == "I;16" else color.convert("RGB" if mode == "CMYK" else mode).convert(mode)
    )
    turned = {"exif": exif(orientation=6)} if kind in ("JPEG", "PNG", "WEBP") else {}
    content = encoded(kind, image, **turned)
    assert describe_image(content) == open_described(content)[1]


def test_what_a_header_says_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pixels with a sign"):
        describe_image(gray_tiff(GRAY16.astype(np.float32), sample_format=3))
    with pytest.raises(UnidentifiedImageError, match="not an image"):
        describe_image(b"nothing")
