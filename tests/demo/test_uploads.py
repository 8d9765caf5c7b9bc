from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import background_color, canvas_size, palette, resize_drawing, translate_image
from lightning_gans.demo.uploads import read_upload, set_pillow_limit
from lightning_gans.inference import ImageTranslator, load
from tests.support import checkpoint_files

LIMITS = Limits(upload_mb=0.1, pixels=10_000, side=2_000)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; expected an image"),
        (b"no picture", r"not a readable image \(not an image\); expected a complete JPEG, PNG"),
        (b"0" * 104_858, r"the file has 0\.1 MB; expected at most 0\.1"),
        (png_header(101, 100), r"the image has 101 x 100 = 10,100 pixels; expected at most 10,000"),
        (png_header(60_000, 60_000), r"60,000 x 60,000 pixels|too many pixels"),
        (png_header(50, 50), "not a readable image"),
        (png_header(1, 2001), "the image has 1 x 2001 pixels; expected sides of at most 2,000"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", r"not a readable image \(not an image\)"),
    ],
    ids=["empty", "text", "large file", "large picture", "bomb", "truncated", "long", "PostScript"],
)
def test_what_is_no_fit_picture_is_refused_in_one_sentence(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_upload(path, LIMITS)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_was_deleted_is_to_be_uploaded_again(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is no longer there; upload it again"):
        read_upload(tmp_path / "a.png", LIMITS)


def test_16_bits_transparency_and_turned_pictures_are_read_as_elsewhere(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 257 * 77, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert read_upload(tmp_path / "deep.png", LIMITS).getpixel((0, 0)) == (77, 77, 77)
    Image.new("RGBA", (4, 6), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    assert read_upload(tmp_path / "clear.png", LIMITS).getpixel((0, 0)) == (255, 255, 255, 0)
    turned = Image.Exif()
    turned[274] = 6
    Image.new("RGB", (4, 6)).save(tmp_path / "turned.jpg", exif=turned)
    assert read_upload(tmp_path / "turned.jpg", LIMITS).size == (6, 4)


def test_pillow_is_guarded_wherever_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    (tmp_path / "a.png").write_bytes(png_header(2_000, 1_001))
    with warnings.catch_warnings():
        set_pillow_limit(LIMITS)
        with pytest.raises(Image.DecompressionBombError):
            Image.open(tmp_path / "a.png")


def translator(tmp_path: Path, with_palettes: bool = True) -> ImageTranslator:
    model = load(checkpoint_files.both_ways(tmp_path / "a.ckpt"))
    assert isinstance(model, ImageTranslator)
    if with_palettes:
        model.metadata["palettes"] = dict(SyntheticFacadesDataModule().palettes)
    return model


@pytest.mark.parametrize(("direction", "mode"), [("a_to_b", "L"), ("b_to_a", "RGB")])
def test_translations_are_those_of_the_model(direction: str, mode: str, tmp_path: Path) -> None:
    model = translator(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    before, after = translate_image(model, Image.fromarray(pixels), direction)
    assert before.mode == mode
    seen = np.asarray(before).reshape(32, 32, -1).transpose(2, 0, 1)
    made = model.translate(to_float(torch.from_numpy(seen.copy()))[None], direction)[0]
    expected = (made.numpy() + 1) * 127.5
    assert np.abs(np.asarray(after).reshape(32, 32, -1).transpose(2, 0, 1) - expected).max() <= 1


def test_pictures_of_any_size_keep_it(tmp_path: Path) -> None:
    before, after = translate_image(translator(tmp_path), Image.new("RGB", (45, 71), "red"), "b_to_a")
    assert before.size == after.size == (45, 71)


def test_transparency_is_there_again(tmp_path: Path) -> None:
    half = Image.new("RGBA", (32, 32), (255, 255, 255, 99))
    before, after = translate_image(translator(tmp_path), half, "a_to_b")
    assert (before.mode, after.mode) == ("L", "RGBA")
    assert after.getchannel("A").getextrema() == (99, 99)
    opaque = translate_image(translator(tmp_path), half.convert("RGB"), "a_to_b")[1]
    assert after.convert("RGB").tobytes() == opaque.tobytes()


def test_only_label_maps_have_a_palette(tmp_path: Path) -> None:
    model = translator(tmp_path)
    assert palette(model, "a_to_b") == {}
    assert background_color(model, "a_to_b") == "#ffffff"
    colors = palette(model, "b_to_a")
    assert colors["wall"] == "#0000ff"
    assert background_color(model, "b_to_a") == colors["sky"]
    assert palette(translator(tmp_path, with_palettes=False), "b_to_a") == {}


def test_drawings_get_the_trained_size_and_clean_colors(tmp_path: Path) -> None:
    sizes = [(28, 28), (32, 32), (64, 64), (256, 256), (600, 600), (64, 128)]
    wanted = [(504, 504), (512, 512), (512, 512), (512, 512), (600, 600), (512, 256)]
    assert [canvas_size(size) for size in sizes] == wanted
    drawing = Image.new("RGB", (64, 64), "#aa00ff")
    drawing.paste("#0000f0", (0, 0, 33, 64))
    small = resize_drawing(drawing, (32, 32), palette(translator(tmp_path), "b_to_a"))
    colors = small.getcolors()
    assert colors is not None
    assert {color for _, color in colors} == {(0xAA, 0, 0xFF), (0, 0, 0xFF)}
    assert resize_drawing(drawing, (32, 32), {}).getpixel((0, 0)) == (0, 0, 0xF0)
