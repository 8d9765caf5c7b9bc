"""project, and what sample and interpolate make of its file, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import LatentSampler, load
from tests.support import checkpoint_files

FAST = ["--steps", "30", "--starts", "2", "--features", "pixels"]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LatentSampler:
    monkeypatch.chdir(tmp_path)
    found = load(checkpoint_files.latent(Path("a.ckpt"), conditional=True))
    assert isinstance(found, LatentSampler)
    Image.fromarray(to_uint8(found.sample(1, 4, seed=9))[0, 0].numpy()).save("picture.png")
    return found


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def test_a_picture_is_found_and_sampled_from_its_file(model: LatentSampler, capsys: pytest.CaptureFixture[str]) -> None:
    command_line("project", ["a.ckpt", "picture.png", "--label", "4", "--out", "found", *FAST])
    printed = capsys.readouterr().out
    assert printed.startswith("projection: found (PSNR ")
    assert "dB, class 4, ema weights of step 7)" in printed
    assert float(printed.split()[3]) > 30
    assert sorted(path.name for path in Path("found").iterdir()) == ["comparison.png", "latent.safetensors"]
    assert pixels("found/comparison.png").shape[1] >= 512
    saved = load_file("found/latent.safetensors")
    assert saved["labels"].tolist() == [4]
    command_line("sample", ["a.ckpt", "--latent", "found/latent.safetensors", "--out", "one"])
    assert "images: one (1 of found/latent.safetensors, ema weights of step 7)" in capsys.readouterr().out
    expected = to_uint8(model.generate(saved["latent"], saved["labels"]))[0, 0].numpy()
    assert np.array_equal(pixels("one/000000.png"), expected)
    options = ["--latent", "found/latent.safetensors", "--seeds", "3", "--steps", "4", "--loop", "--scale", "1"]
    command_line("interpolate", ["a.ckpt", *options, "--out", "path.png"])
    grid = pixels("path.png")
    assert grid.shape == (62, 122, 3)
    assert np.array_equal(grid[2:30, 2:30, 0], expected)
    assert np.array_equal(grid[32:60, 92:120, 0], expected)
    with pytest.raises(SystemExit):
        command_line("project", ["a.ckpt", "picture.png", "--out", "found"])
    assert "or --overwrite to replace" in capsys.readouterr().err
    command_line("project", ["a.ckpt", "picture.png", "--out", "found", "--overwrite", *FAST])


def test_the_result_has_the_colors_and_the_sides_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint_files.styles(Path("s.ckpt"))
    Image.new("RGBA", (50, 20), (200, 10, 10, 128)).save("wide.png")
    command_line(
        "project", ["s.ckpt", "wide.png", "--out", "found", "--steps", "4", "--starts", "2", "--features", "pixels"]
    )
    assert load_file("found/latent.safetensors")["latent"].shape == (1, 6, 4)
    comparison = pixels("found/comparison.png")
    height, width = comparison.shape[:2]
    assert tuple(comparison[height // 2 + 20, width // 4]) == (227, 132, 132)
    command_line("sample", ["s.ckpt", "--latent", "found/latent.safetensors", "--truncation", "0.5", "--out", "x.png"])


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("project", ["none.png", "--out", "new"], "PICTURE is none.png, which does not exist; expected an image file"),
        ("project", ["a.ckpt", "--out", "new"], "PICTURE is a.ckpt, which cannot be used (not an image); expected one"),
        ("project", ["picture.png", "--out", "new.png"], "--out is new.png; expected a folder"),
        ("project", ["picture.png", "--out", "new", "--steps", "1"], "--steps is 1; expected at least 2"),
        ("project", ["picture.png", "--out", "new", "--starts", "600"], "--starts is 600; expected 1 to 512"),
        ("project", ["picture.png", "--out", "new", "--label", "10"], "--label contains 10; expected 0 to 9"),
        (
            "sample",
            ["--latent", "picture.png", "--out", "new"],
            "--latent is picture.png; expected a name that",
        ),
        ("sample", ["--latent", "a.npy", "--out", "new"], "--latent is a.npy, which does not exist"),
        ("sample", ["--latent", "z.npy", "--out", "new"], "--classes is not given, and --latent names no classes"),
        ("sample", ["--latent", "z.npy", "--n", "3", "--out", "new"], "--latent and --n are both given; expected one"),
        ("interpolate", ["--latent", "z.npy", "--out", "new.png"], "--seeds has 0 entries, --latent 1 and --classes 1"),
        (
            "interpolate",
            ["--latent", "b.npy", "--out", "new.png"],
            "--latent is b.npy, which has shape (1, 4) of",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    command: str, arguments: list[str], message: str, model: LatentSampler, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("z.npy", model.latents([0]).numpy())
    np.save("b.npy", np.zeros((1, 4), np.float32))
    before = sorted(path.name for path in Path().iterdir())
    with pytest.raises(SystemExit) as ended:
        command_line(command, ["a.ckpt", *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lightning-gans: error: ")
    assert message in line
    assert sorted(path.name for path in Path().iterdir()) == before
