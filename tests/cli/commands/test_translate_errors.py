"""Files that ``translate`` cannot read or translate, and bad input."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.inference import translate_files
from tests.support import checkpoint_files
from tests.support.translated import ended, files, noise, pixels, save, untranslated


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    untranslated(Path("same.ckpt"))


# Files that fail.


def test_a_file_that_fails_is_named_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    save("in/a.png", noise(8, 8))
    save("in/z.png", noise(8, 8))
    whole = save("in/whole.jpg", noise(64, 64)).read_bytes()
    Path("in/cut.jpg").write_bytes(whole[: len(whole) // 2])
    Path("in/empty.png").write_bytes(b"")
    Path("in/text.png").write_text("no picture")
    save("in/float.tiff", np.zeros((8, 8), dtype=np.float32))
    save("in/huge.png", noise(80, 80, 1))
    Path("in/lost.png").symlink_to("nowhere.png")
    assert ended("same.ckpt", "in") == 1
    assert files() == ["a.png", "whole.png", "z.png"]
    lines = capsys.readouterr().err.splitlines()
    told = {line.split()[1]: line for line in lines[:-1]}
    assert "image file is truncated" in told.pop("in/cut.jpg")
    assert told.pop("in/empty.png") == "lightning-gans: in/empty.png cannot be read (not an image)"
    assert told.pop("in/text.png") == "lightning-gans: in/text.png cannot be read (not an image)"
    assert (
        told.pop("in/float.tiff")
        == "lightning-gans: in/float.tiff cannot be read (pixels with a sign or of more than 16 bits)"
    )
    assert "cannot be read (80 x 80 = 6,400 pixels; expected at most 5,000)" in told.pop("in/huge.png")
    assert told.pop("in/lost.png") == "lightning-gans: in/lost.png cannot be read (No such file or directory)"
    assert not told
    assert lines[-1] == "lightning-gans: 6 of 9 images could not be translated"


def test_where_all_fail_nothing_is_left() -> None:
    Path("text.png").write_text("no picture")
    assert ended("same.ckpt", "text.png") == 1
    assert not Path("out").exists()


def test_a_picture_that_the_network_fails_on_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a.png", noise(8, 8))
    save("b.png", noise(8, 9))

    def short(network: Any, pixels: torch.Tensor, *arguments: Any) -> torch.Tensor:
        if pixels.shape[2] == 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return pixels

    monkeypatch.setattr(translate_files, "translate_picture", short)
    assert ended("same.ckpt", "a.png", "b.png") == 1
    assert files() == ["b.png"]
    assert "a.png cannot be translated (DefaultCPUAllocator: can't allocate memory)" in capsys.readouterr().err


@pytest.mark.parametrize("full", ["result", "temporary"])
def test_a_full_disk_ends_it_with_one_sentence(
    full: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    save("a.png", noise(20, 20))
    save("b.png", noise(60, 60))
    no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if full == "result":
        really = Image.Image.save

        def write(self: Image.Image, path: Path, *arguments: Any, **options: Any) -> None:
            really(self, path, *arguments, **options)
            if "b" in path.name.rpartition("-")[2]:
                raise no_room

        monkeypatch.setattr(Image.Image, "save", write)
    else:

        def write_maps(*_: Any) -> None:
            raise no_room

        monkeypatch.setattr("lightning_gans.inference.tiled.tiles.FeatureMapFile.write", write_maps)
    assert ended(str(model), "a.png", "b.png", "--tile", "40") == 1
    what = "out/b.png cannot" if full == "result" else "the temporary file of a translation cannot"
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"lightning-gans: {what} be written (No space left on device)")
    assert files() == ["a.png"]


def test_a_picture_that_is_mostly_padding_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    save("long.png", np.zeros((1, 4_000_000), dtype=np.uint8))
    checkpoint_files.one_way(Path("unet.ckpt"))
    assert ended("unet.ckpt", "long.png") == 1
    expected = "long.png cannot be translated (image is 4000000 pixels wide and 1 high, which UNet pads to 4000000 x 64"
    assert capsys.readouterr().err.startswith(f"lightning-gans: {expected}")


# Bad input, before any work.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.ckpt", "a.png"], "CKPT is nowhere.ckpt, which does not exist; expected a checkpoint file"),
        (["a.png", "a.png"], "CKPT is a.png, which cannot be read as a checkpoint"),
        (
            ["noise.ckpt", "a.png"],
            "CKPT is noise.ckpt, a model that generates images from noise; exp",
        ),
        (["same.ckpt", "nowhere.png"], "IN is nowhere.png, which does not exist; expected an image, a video or a f"),
        (["same.ckpt", "bare"], "IN is bare, which holds no images; expected files named .jpg, .jpeg, .png"),
        (["same.ckpt", "a.png", "a.bmp"], "a.png and a.bmp would both become out/a.png; expected files with diff"),
        (["same.ckpt", "a.png", "--direction", "b_to_a"], "--direction is b_to_a; expected a_to_b for this model"),
        (["same.ckpt", "a.png", "--tile", "3"], "--tile is 3; expected at least 32"),
        (["unet.ckpt", "a.png", "--tile", "64"], "--tile is 64, but UNet runs on windows of 64 pixels"),
        (["odd.ckpt", "a.png"], "the model's input has 2 channels; expected 1 (gray), 3 (RGB), or more than 4"),
        (["many.ckpt", "a.png"], "the model's output has 5 channels; expected 1 (gray) or 3 (RGB); arrays of any chan"),
        (["same.ckpt", "a.png", "--truth", "bare"], "--truth is bare without --compare; expected --compare and one of"),
        (["same.ckpt", "a.png", "--truth", "b", "--compare", "--joined"], "--truth is b beside --joined; expected"),
        (["same.ckpt", "a.png", "--truth", "b", "--compare"], "--truth is b, which is not there; expected a folder"),
        (
            ["same.ckpt", "film.mp4", "--joined"],
            "IN is film.mp4, which is no single image; expected images with a pair",
        ),
        (
            ["same.ckpt", "a.png", "--truth", "other", "--compare"],
            "--truth is other, which holds no partner of 1 of 1 files: a.png; expected the same names, up to the ext",
        ),
        (["same.ckpt", "a.png", "--device", "nothing"], "device is nothing, which cannot be used here"),
    ],
)
def test_bad_input_is_one_line_and_status_two(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save("a.png", noise(8, 8))
    save("a.bmp", noise(8, 8))
    save("other/b.png", noise(8, 8))
    Path("film.mp4").write_bytes(b"")
    Path("bare").mkdir()
    checkpoint_files.latent(Path("noise.ckpt"))
    checkpoint_files.one_way(Path("unet.ckpt"))
    untranslated(Path("odd.ckpt"), channels=2)
    untranslated(Path("many.ckpt"), channels=5)
    assert ended(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"lightning-gans: error: {message}")
    assert not Path("out").exists()


def test_the_name_of_a_picture_is_no_output_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line("translate", ["same.ckpt", "a.png", "--out", "b.jpg"])
    assert "--out is b.jpg; expected a folder, to which files are written" in capsys.readouterr().err


def test_an_output_folder_with_files_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    save("a.png", noise(8, 8))
    save("out/a.png", noise(8, 8))
    assert ended("same.ckpt", "a.png") == 2
    assert "--out is out, which is a folder that is not empty; expected a new name" in capsys.readouterr().err


def test_overwrite_replaces_translations_but_no_image_that_is_translated(capsys: pytest.CaptureFixture[str]) -> None:
    save("photos/a.png", noise(8, 8))
    save("out/a.png", noise(3, 3))
    command_line("translate", ["same.ckpt", "photos", "--overwrite", "--out", "out"])
    assert pixels("out/a.png").shape == (8, 8, 3)
    command = ["same.ckpt", "out", "--overwrite"]
    assert ended(*command) == 2
    assert "out/a.png would be replaced by its translation; expected another --out" in capsys.readouterr().err
