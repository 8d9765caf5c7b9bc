"""Images of more than 8 bits, and TIFF files of any channels: exact levels, conversions, and damage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.core.deep_images import DeepImage
from lightning_gans.core.image_reader import TURNS, FileFacts
from lightning_gans.core.images import in_8_bits, to_float, to_uint8, to_uint16
from lightning_gans.core.pixel_files import PixelFormat, decode_pixels, describe_pixels
from tests.support.deep_files import png, tiff
from tests.support.odd_pictures import gray_png, gray_tiff


def levels(channels: int, kind: Any = np.uint16) -> NDArray[Any]:
    return np.random.default_rng(channels).integers(0, np.iinfo(kind).max + 1, (7, 5, channels), dtype=kind)


def read(content: bytes, channels: int, name: str = "a", size: tuple[int, int] = (7, 5)) -> NDArray[Any]:
    pixels, facts = decode_pixels(content, name, PixelFormat(channels, size, 16))
    assert facts == describe_pixels(content, name)
    assert pixels.dtype == torch.uint16
    return pixels.permute(1, 2, 0).numpy()


def test_all_levels_stay_different_and_come_back() -> None:
    every = torch.from_numpy(np.arange(65536, dtype=np.uint16))
    assert len(set(to_float(every).tolist())) == 65536
    assert torch.equal(to_uint16(to_float(every)), every)
    assert torch.equal(in_8_bits(every), to_uint8(to_float(every)))
    assert torch.equal(in_8_bits(every).int(), torch.round(every.double() / 257).int())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_files_keep_sixteen_bits(channels: int) -> None:
    values = levels(channels)
    if channels in (2, 4):
        values[:, :, -1] |= 1  # where alpha is 0, colors become black
    assert np.array_equal(read(png(values), channels), values)
    assert np.array_equal(read(png(values, filtered=True), channels), values)


@pytest.mark.parametrize("options", [{}, {"order": ">"}, {"deflated": True, "differences": True}, {"separate": True}])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_bands_of_tiff_files_are_read_as_they_are(options: dict[str, Any], kind: Any) -> None:
    values = levels(7, kind)
    content = tiff(values, **options)
    factor = 257 if kind == np.uint8 else 1
    assert np.array_equal(read(content, 7), values.astype(np.uint16) * factor)
    assert describe_pixels(content, "a") == FileFacts(5, 7, 7, 8 * values.itemsize)
    reduced = decode_pixels(content, "a", PixelFormat(7, (7, 5)))[0].permute(1, 2, 0)
    assert np.array_equal(reduced, values if kind == np.uint8 else np.round(values / 257))
    with pytest.raises(ValueError, match=r"^an array of 7 channel\(s\); expected 3$"):
        read(content, 3)


def test_color_tiff_files_keep_sixteen_bits() -> None:
    values = levels(4)
    assert np.array_equal(read(tiff(values[:, :, :3], photometric=2), 3), values[:, :, :3])
    values[:, :, 3] |= 1
    assert np.array_equal(read(tiff(values, photometric=2, extra=(2,), separate=True), 4), values)
    assert (read(tiff(values, photometric=2, extra=(0,)), 4)[:, :, 3] == 65535).all()
    values[:, :, :3] = values[:, :, 3:] // np.array([1, 2, 4], np.uint16)
    premultiplied = read(tiff(values, photometric=2, extra=(1,)), 4)[:, :, :3] / 65535
    assert np.abs(premultiplied - [1, 1 / 2, 1 / 4])[values[:, :, 3] > 2000].max() < 1e-3


def test_other_depths_are_scaled() -> None:
    values = levels(1)[:, :, 0]
    assert np.array_equal(read(gray_tiff(65535 - values, photometric=0), 1)[:, :, 0], values)
    assert np.array_equal(read(gray_tiff(values.astype(np.uint8)), 1)[:, :, 0], 257 * (values % 256))
    assert np.array_equal(read(b"P5 5 7 65535\n" + values.astype(">u2").tobytes(), 1)[:, :, 0], values)
    few = np.array([[0, 2048, 4095, 1]], np.uint16)
    packed = np.array([[0x00, 0x08, 0x00, 0xFF, 0xF0, 0x01]], np.uint8)
    found = read(gray_tiff(packed, bits=12), 1, size=(1, 4))[:, :, 0]
    assert np.array_equal(found, np.round(few * (65535 / 4095)))


def test_conversions_are_those_of_eight_bits() -> None:
    small = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    small[:, :, 3] |= 128  # colors of what is nearly transparent have few levels in 8 bits
    deep = DeepImage(small.astype(np.uint16) * np.uint16(257))
    picture = io.BytesIO()
    Image.fromarray(small).save(picture, "PNG")
    for channels in (1, 2, 3, 4):
        wanted = PixelFormat(channels, (4, 3))
        expected = decode_pixels(picture.getvalue(), "a.png", wanted)[0].int()
        found = decode_pixels(png(deep.levels), "a.png", wanted._replace(bits=16))[0]
        assert (in_8_bits(found).int() - expected).abs().max() <= 3


def test_transparent_colors_are_found_in_sixteen_bits() -> None:
    values = levels(3)
    clear = tuple(values[2, 3].tolist())
    found = read(png(values, clear), 4)
    assert found[2, 3].tolist() == [0, 0, 0, 0]
    assert (found[:, :, 3] == 0).sum() == 1
    assert read(png(values, clear), 3)[2, 3].tolist() == [65535] * 3
    assert np.array_equal(read(png(values, clear), 3)[3:], values[3:])
    rows = levels(1)[:, :, 0]
    assert read(gray_png(rows, 16, transparent=int(rows[0, 0])), 2)[0, 0].tolist() == [0, 0]


@pytest.mark.parametrize("orientation", [1, *TURNS])
def test_deep_images_are_turned_like_others(orientation: int) -> None:
    values = levels(1)[:, :, 0]
    image = Image.fromarray(values)
    turned = np.asarray(image.transpose(TURNS[orientation]) if orientation > 1 else image)
    assert np.array_equal(DeepImage(values[:, :, None]).turned(orientation).levels[:, :, 0], turned)
    bands = read(tiff(np.repeat(values[:, :, None], 6, axis=2), tag_274=orientation), 6, size=turned.shape)
    assert np.array_equal(bands[:, :, 5], turned)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"tag_256": 2**31}, r"2147483648 x 7 pixels of 6 channels = .* values; expected at most"),
        ({"tag_277": 60000}, "image file is truncated"),
        ({"tag_257": 0}, r"5 x 0 pixels of 6 channels"),
        ({"tag_339": 3}, r"pixels with a sign or of more than 16 bits"),
        ({"tag_317": 3}, r"a TIFF file with predictor 3; expected 1 or 2"),
        ({"tag_256": 5000}, "image file is truncated"),
        ({"tag_259": 7}, "decoder error"),
        ({"tag_284": 2}, "a TIFF file of 6 planes with 3 strips or tiles"),
    ],
)
def test_bands_whose_sizes_lie_are_refused(tags: dict[str, Any], reason: str) -> None:
    content = tiff(levels(6), **tags)
    with pytest.raises((ValueError, OSError), match=reason):
        decode_pixels(content, "a.tif", PixelFormat(6, (4, 4), 16))


def test_damaged_deep_files_are_refused(tmp_path: Path) -> None:
    for content in (png(levels(3)), tiff(levels(3), photometric=2), tiff(levels(6), deflated=True)):
        cut = content[: len(content) // 2] if content.startswith(b"\x89") else content.replace(content[8:60], b"", 1)
        with pytest.raises((ValueError, OSError)):
            decode_pixels(cut, "a", PixelFormat(6 if content == tiff(levels(6), deflated=True) else 3, (4, 4), 16))
