"""translate, as a user meets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.commands import translate
from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.inference import ImageTranslator, load
from lightning_gans.inference.tiled.translate import DEFAULT_TILE
from tests.support import checkpoint_files
from tests.support.translated import files, noise, pixels, save, untranslated


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    untranslated(Path("same.ckpt"))


def test_a_picture_is_translated_as_in_evaluation_and_keeps_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    values = noise(32, 32)
    save("photo.bmp", values)
    command_line("translate", [str(model), "photo.bmp", "--out", "out", "--direction", "b_to_a"])
    assert capsys.readouterr().out == "images: out (1 by raw weights of step 7)\n"
    trained = load(model)
    assert isinstance(trained, ImageTranslator)
    expected = to_uint8(trained.translate(to_float(pixels_of(Image.fromarray(values)))[None], "b_to_a"))
    assert files() == ["photo.png"]
    assert np.array_equal(pixels("out/photo.png"), expected[0, 0].numpy())


def test_the_way_of_a_model_is_the_default() -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    save("photo.png", noise(40, 45))
    Path("out").mkdir()  # an empty folder is as good as none
    command_line("translate", [str(model), "photo.png", "--out", "out"])
    assert pixels("out/photo.png").shape == (40, 45, 3)


def test_a_large_picture_goes_in_tiles_and_makes_the_same() -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    save("photo.png", noise(90, 130, 1))
    command_line("translate", [str(model), "photo.png", "--out", "whole"])
    command_line("translate", [str(model), "photo.png", "--out", "tiles", "--tile", "40"])
    apart = np.abs(pixels("whole/photo.png").astype(int) - pixels("tiles/photo.png"))
    assert apart.max() <= 1


def test_a_unet_takes_any_size() -> None:
    model = checkpoint_files.one_way(Path("model.ckpt"), b_to_a=True)
    save("small/a.png", noise(7, 80, 1))
    save("large/b.png", noise(100, 70, 1))
    for folder in ("small", "large"):
        command_line("translate", [str(model), folder, "--out", f"out-{folder}"])
    assert pixels("out-small/a.png").shape == (7, 80, 3)
    assert pixels("out-large/b.png").shape == (100, 70, 3)


def test_folders_keep_their_order_below(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("photos/a.jpg", "photos/sub/a.jpg", "photos/sub/b.tiff", "photos/.hidden.png", "other/c.webp"):
        save(name, noise(8, 8))
    (Path("photos") / "notes.txt").write_text("no picture")
    (Path("photos") / "sub" / "again").symlink_to("..")
    os.mkfifo("photos/pipe.png")
    command_line("translate", ["same.ckpt", "photos", "other/c.webp", "--out", "new/out"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lightning-gans: IN is photos, where 2 of 5 files are left out (1 .txt, 1 that is ")
    assert files("new/out") == ["a.png", "c.png", "sub/a.png", "sub/b.png"]


# What files hold.


def test_sixteen_bits_keep_their_range() -> None:
    save("a.png", np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8))
    command_line("translate", ["same.ckpt", "a.png", "--out", "out"])
    made = pixels("out/a.png")
    assert made.dtype == np.uint8
    expected = np.rint(np.linspace(0, 65535, 64).astype(np.uint16) / 257).reshape(8, 8)
    assert np.array_equal(made, np.stack([expected] * 3, axis=2))


def test_transparent_pictures_are_translated_on_white_and_stay_transparent() -> None:
    values = noise(8, 8, 4)
    values[:4, :, 3], values[4:, :, 3] = 0, 255
    save("a.png", values)
    command_line("translate", ["same.ckpt", "a.png", "--out", "out"])
    made = pixels("out/a.png")
    assert np.array_equal(made[:, :, 3], values[:, :, 3])
    assert (made[:4, :, :3] == 255).all()
    assert np.array_equal(made[4:, :, :3], values[4:, :, :3])


def test_a_gray_picture_keeps_its_transparency_too() -> None:
    model = untranslated(Path("gray.ckpt"), channels=1)
    save("a.png", noise(8, 8, 2))
    command_line("translate", [str(model), "a.png", "--out", "out"])
    with Image.open("out/a.png") as file:
        assert file.mode == "LA"
        assert np.array_equal(np.asarray(file)[:, :, 1], noise(8, 8, 2)[:, :, 1])


def test_a_palettes_transparency_is_kept() -> None:
    image = Image.fromarray(noise(8, 8)).quantize(4)
    image.save("a.png", transparency=1)
    command_line("translate", ["same.ckpt", "a.png", "--out", "out"])
    assert np.array_equal(pixels("out/a.png")[:, :, 3] == 0, np.asarray(image) == 1)


def test_pictures_are_turned_as_their_exif_data_say() -> None:
    values = noise(8, 12)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    save("a.png", values, exif=exif)
    command_line("translate", ["same.ckpt", "a.png", "--out", "out"])
    assert np.array_equal(pixels("out/a.png"), np.rot90(values, -1))


@pytest.mark.parametrize(("channels", "given"), [(3, 1), (1, 3)])
def test_pictures_become_gray_or_colored_as_the_model_takes_them(channels: int, given: int) -> None:
    model = untranslated(Path("model.ckpt"), channels)
    save("a.png", noise(8, 8, given))
    command_line("translate", [str(model), "a.png", "--out", "out"])
    with Image.open("a.png") as file:
        assert np.array_equal(pixels("out/a.png"), np.asarray(file.convert("RGB" if channels == 3 else "L")))


# The process.


@pytest.mark.slow
def test_it_starts_without_lightning_and_torchvision() -> None:
    save("a.png", noise(8, 8))
    code = (
        "import sys; from lightning_gans.cli.commands import common; common.command_line('translate', sys.argv[1:]);"
        "assert not {'lightning', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, "same.ckpt", "a.png", "--out", "out"], check=True)


@pytest.mark.slow
def test_ctrl_c_leaves_whole_pictures_and_no_traceback() -> None:
    for number in range(100):
        save(f"in/{number:03d}.png", noise(300, 300))
    command = [sys.executable, "-m", "lightning_gans", "translate", "same.ckpt", "in", "--out", "out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 240
    while not Path("out/000.png").exists() and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=240)
    assert told == "lightning-gans: interrupted; every image written so far is complete\n"
    assert process.returncode == 130
    assert 0 < len(files()) < 100
    for name in files():
        assert pixels(f"out/{name}").shape == (300, 300, 3)


@pytest.mark.parametrize("asked", [True, False])
def test_a_bar_is_shown_where_it_is_asked_for(asked: bool, capsys: pytest.CaptureFixture[str]) -> None:
    save("a.png", noise(8, 8))
    command_line("translate", ["same.ckpt", "a.png", "--out", "out", *(["--progress"] if asked else [])])
    assert ("image" in capsys.readouterr().err) == asked


def test_the_help_names_the_default_tile() -> None:
    assert f"Default tile: {DEFAULT_TILE} pixels" in translate.make_parser().format_help()
