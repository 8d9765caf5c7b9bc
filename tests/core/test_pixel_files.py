"""Image files as pixels: sizes, channels, modes and arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.pixel_files import load_pixels
from tests.support.folders import BLUE, GREEN, RED, WHITE, save

ORIENTATION = 0x112


def pixels(path: Path, channels: int = 3, size: int = 2) -> Any:
    return load_pixels(path, channels, (size, size)).tolist()


@pytest.mark.parametrize(
    ("shape", "size", "left", "top"), [((20, 8), (8, 12), 4, 0), ((8, 20), (8, 8), 0, 6), ((12, 30), (20, 12), 0, 5)]
)
def test_the_center_is_cropped_to_a_rectangle(
    tmp_path: Path, shape: tuple[int, int], size: tuple[int, int], left: int, top: int
) -> None:
    values = np.random.default_rng(0).integers(0, 256, (shape[1], shape[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    height, width = size
    expected = torch.from_numpy(values[top : top + height, left : left + width]).permute(2, 0, 1)
    assert torch.equal(load_pixels(tmp_path / "a.png", 3, size), expected)


def test_an_image_is_enlarged_until_it_covers_the_size(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 60, dtype=np.uint8), (20, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png")
    found = load_pixels(tmp_path / "a.png", 1, (40, 60))[0].float()
    assert found.shape == (40, 60)
    # The middle half of the ramp, enlarged twice in both directions.
    expected = torch.linspace(64, 191, 60).expand(40, 60)
    assert (found - expected)[:, 2:-2].abs().max() <= 3


def test_alpha_is_a_channel_if_it_is_asked_for(tmp_path: Path) -> None:
    clear, half = (200, 10, 20, 0), (100, 50, 0, 128)
    picture = Image.new("RGBA", (2, 2), half)
    picture.putpixel((0, 0), clear)
    picture.save(tmp_path / "a.png")
    found = load_pixels(tmp_path / "a.png", 4, (2, 2))
    assert found[:, 0, 0].tolist() == [0, 0, 0, 0]
    assert found[:, 1, 1].tolist() == list(half)
    gray, alpha = load_pixels(tmp_path / "a.png", 2, (2, 2))
    assert gray.tolist()[1][1] == round(0.299 * 100 + 0.587 * 50)
    assert alpha.tolist() == [[0, 128], [128, 128]]
    assert load_pixels(tmp_path / "a.png", 3, (2, 2))[:, 0, 0].tolist() == list(WHITE)


def test_colors_of_what_is_transparent_do_not_bleed(tmp_path: Path) -> None:
    values = np.zeros((16, 16, 4), np.uint8)
    values[:, :8] = (255, 0, 0, 255)
    values[:, 8:] = (0, 255, 0, 0)
    Image.fromarray(values).save(tmp_path / "a.png")
    red, green, _, alpha = load_pixels(tmp_path / "a.png", 4, (5, 5))
    assert not green.any()
    assert (red[alpha > 8] > 240).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["uint8", "<u2", ">u2"])
def test_arrays_of_any_number_of_channels_are_read(tmp_path: Path, order: Any, kind: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (6, 4, 9))
    values = np.asarray(levels if kind == "uint8" else 257 * levels, dtype=kind, order=order)
    np.save(tmp_path / "a.npy", values)
    found = load_pixels(tmp_path / "a.npy", 9, (6, 4))
    assert np.array_equal(found.permute(1, 2, 0), levels)
    wide = load_pixels(tmp_path / "a.npy", 9, (3, 4))
    assert np.array_equal(wide.permute(1, 2, 0), levels[1:4])
    np.save(tmp_path / "gray.npy", values[:, :, 0])
    assert np.array_equal(load_pixels(tmp_path / "gray.npy", 1, (6, 4))[0], levels[:, :, 0])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((2, 2), np.float32), r"an array of float32 of shape \(2, 2\); expected uint8 or uint16 of"),
        (np.zeros(4, np.uint8), r"an array of uint8 of shape \(4,\)"),
        (np.zeros((2, 0, 3), np.uint8), r"an array of shape \(2, 0, 3\), which has no pixels"),
        (np.array([[object()]]), "an array of object"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, values: Any, reason: str) -> None:
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    with pytest.raises(ValueError, match=f"^{reason}"):
        load_pixels(tmp_path / "a.npy", 1, (2, 2))


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((20, 30, 2), np.uint8))
    whole_file = path.read_bytes()
    for content in (b"", whole_file[:60], b"\x93NUMPY\x09\x00" + whole_file[8:], b"PK" + whole_file):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^not an array of NumPy$"):
            load_pixels(path, 2, (2, 2))
    for content in (whole_file[:-1], whole_file + b"1", whole_file.replace(b"(20, 30, 2)", b"(9999999, 9)")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^an array of shape .* whose file has another size$"):
            load_pixels(path, 2, (2, 2))


def test_shapes_are_resized_by_the_shorter_side_and_cropped_in_the_middle(tmp_path: Path) -> None:
    stripes = np.zeros((4, 12, 3), dtype=np.uint8)
    stripes[:, :4], stripes[:, 4:8], stripes[:, 8:] = RED, GREEN, BLUE
    Image.fromarray(stripes).save(tmp_path / "wide.png")
    Image.fromarray(stripes.transpose(1, 0, 2).copy()).save(tmp_path / "tall.png")
    for name in ("wide.png", "tall.png"):
        middle = load_pixels(tmp_path / name, 3, (4, 4))
        assert middle.shape == (3, 4, 4)
        assert torch.unique(middle[1]).tolist() == [255]
        assert torch.unique(middle[[0, 2]]).tolist() == [0]


def test_an_image_of_the_size_is_cropped_without_a_change(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (9, 6, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    expected = torch.from_numpy(values[1:7]).permute(2, 0, 1)
    assert torch.equal(load_pixels(tmp_path / "a.png", 3, (6, 6)), expected)


def test_downscaling_is_antialiased(tmp_path: Path) -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "a.png")
    small = load_pixels(tmp_path / "a.png", 1, (8, 8)).float()
    assert (small - 127.5).abs().max() < 3


def test_a_small_image_is_enlarged(tmp_path: Path) -> None:
    save(tmp_path / "a.png", BLUE, shape=(1, 3))
    assert pixels(tmp_path / "a.png", size=5) == [[[level] * 5] * 5 for level in BLUE]


def test_images_are_turned_as_their_exif_data_say(tmp_path: Path) -> None:
    values = np.array([[10, 20], [30, 40]], dtype=np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    assert pixels(tmp_path / "a.png", channels=1) == [[[30, 10], [40, 20]]]


GRAY16 = np.array([[0, 128, 129, 385], [386, 32768, 65406, 65535], [0] * 4, [0] * 4], dtype=np.uint16)
GRAY8 = [[0, 0, 1, 1], [2, 128, 254, 255], [0] * 4, [0] * 4]  # rounded: 128 / 257 is 0.498, 129 / 257 is 0.502


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_gray_of_16_bits_is_scaled_and_rounded(tmp_path: Path, name: str, channels: int) -> None:
    if name == "a.pgm":
        (tmp_path / name).write_bytes(b"P5 4 4 65535\n" + GRAY16.astype(">u2").tobytes())
    else:
        Image.fromarray(GRAY16).save(tmp_path / name)
    assert pixels(tmp_path / name, channels, size=4) == [GRAY8] * channels


def test_gray_of_16_bits_in_big_endian_order_is_read_the_same(tmp_path: Path) -> None:
    Image.fromarray(GRAY16.astype(">u2")).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert image.mode == "I;16B"
    assert pixels(tmp_path / "a.tif", 1, size=4) == [GRAY8]


@pytest.mark.parametrize(
    ("mode", "color", "rgb"),
    [
        ("1", 1, WHITE),
        ("L", 200, (200, 200, 200)),
        ("LA", (0, 0), WHITE),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 51), (255, 204, 204)),
    ],
)
def test_modes_become_rgb_and_transparency_white(
    tmp_path: Path, mode: str, color: Any, rgb: tuple[int, int, int]
) -> None:
    save(tmp_path / "a.png", color, mode=mode)
    assert pixels(tmp_path / "a.png") == [[[level] * 2] * 2 for level in rgb]


def test_palettes_are_looked_up_and_their_transparent_color_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([*RED, *GREEN])
    image.putdata([0, 1, 0, 1])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "transparent.png", transparency=0)
    assert load_pixels(tmp_path / "opaque.png", 3, (2, 2))[:, 0].T.tolist() == [list(RED), list(GREEN)]
    assert load_pixels(tmp_path / "transparent.png", 3, (2, 2))[:, 0].T.tolist() == [list(WHITE), list(GREEN)]


def test_cmyk_is_converted(tmp_path: Path) -> None:
    save(tmp_path / "a.tif", (0, 255, 255, 0), mode="CMYK")
    assert pixels(tmp_path / "a.tif") == [[[level] * 2] * 2 for level in RED]
