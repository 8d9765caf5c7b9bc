"""sample and interpolate, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line, integer_list
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import load
from tests.support import checkpoint_files

Made = tuple[Path, Path]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return checkpoint_files.latent(tmp_path / "ours" / "a.ckpt", conditional=True)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def test_samples_are_the_pictures_of_the_python_interface(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_line("sample", [str(model), "--n", "3", "--seed", "4", "--classes", "2,5-6", "--out", "out"])
    assert capsys.readouterr().out == "images: out (3 of seed 4, ema weights of step 7)\n"
    expected = to_uint8(load(model).sample(3, [2, 5, 6], seed=4))[:, 0].numpy()
    assert sorted(path.name for path in Path("out").iterdir()) == ["000000.png", "000001.png", "000002.png"]
    for number in range(3):
        assert np.array_equal(pixels(Path(f"out/{number:06d}.png")), expected[number])


@pytest.mark.parametrize("folder", ["runs", "runs/cgan", "runs/cgan/version_0", "runs/cgan/version_0/checkpoints"])
def test_of_a_folder_of_runs_the_newest_is_sampled(
    folder: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path("runs/cgan/version_0")
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").touch()
    model.rename(run / "checkpoints" / "last.ckpt")
    command_line("sample", [folder, "--n", "2", "--out", "out"])
    said = capsys.readouterr()
    assert said.out == "images: out (2 of seed 0, ema weights of step 7)\n"
    of_runs = not folder.startswith(str(run))
    assert said.err == (f"lightning-gans: CKPT is {folder}, a folder of runs; the newest is {run}\n" if of_runs else "")


def test_a_name_that_ends_in_png_is_a_grid(model: Path) -> None:
    command_line("sample", [str(model), "--n", "5", "--columns", "3", "--scale", "2", "--raw", "--out", "new/grid.png"])
    grid = pixels(Path("new/grid.png"))
    assert grid.shape == (2 * 58 + 2, 3 * 58 + 2, 3)
    first = to_uint8(load(model, raw=True).sample(1))[0, 0].numpy()
    assert np.array_equal(grid[2:58:2, 2:58:2, 0], first)
    assert np.array_equal(grid[3:58:2, 3:58:2, 0], first)


def test_an_interpolation_is_a_grid_with_a_row_for_each_way(model: Path) -> None:
    command_line("interpolate", [str(model), "--seeds", "1,2,3", "--classes", "4", "--steps", "4", "--out", "way.png"])
    grid = pixels(Path("way.png"))
    # The smallest scale with which four images of 28 pixels are 512 wide.
    side = 5 * 28
    assert grid.shape == (2 * (side + 2) + 2, 4 * (side + 2) + 2, 3)
    ends = to_uint8(load(model).interpolate([1, 2, 3], [4], steps=4))[:, 0].numpy()
    # The end of a row begins the next.
    for row, column, place in ((0, 0, 0), (0, 3, 3), (1, 0, 3), (1, 3, 6)):
        top, left = 2 + row * (side + 2), 2 + column * (side + 2)
        assert np.array_equal(grid[top : top + side, left : left + side, 0][2::5, 2::5], ends[place])


def test_a_gif_shows_every_picture_in_turn(model: Path) -> None:
    command_line(
        "interpolate", [str(model), "--classes", "0-2", "--seeds", "7", "--steps", "3", "--loop", "--out", "way.gif"]
    )
    with Image.open("way.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 7
        assert gif.size == (532, 532)
        assert gif.info["loop"] == 0


def test_a_grid_is_512_pixels_wide_and_has_no_empty_places_by_default(model: Path) -> None:
    for count, size in ((3, (512, 172)), (10, (572, 230)), (64, (690, 690))):
        command_line("sample", [str(model), "--n", str(count), "--out", f"{count}.png"])
        with Image.open(f"{count}.png") as grid:
            assert grid.size == size


def test_a_film_has_every_picture_and_even_sides(model: Path) -> None:
    command_line("interpolate", [str(model), "--steps", "6", "--frame_ms", "100", "--scale", "3", "--out", "way.mp4"])
    with av.open("way.mp4") as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="gray") for frame in film.decode(stream)]
    assert stream.average_rate == 10
    assert len(frames) == 6
    assert frames[0].shape == (84, 84)
    expected = to_uint8(load(model).interpolate([0, 1], steps=6))[:, 0].repeat_interleave(3, 1).repeat_interleave(3, 2)
    assert (torch.from_numpy(np.stack(frames)).float() - expected.float()).abs().mean() < 12  # H.264 loses some


@pytest.mark.parametrize(("command", "out"), [("sample", "grid.png"), ("sample", "folder"), ("interpolate", "way.png")])
def test_overwrite_replaces_what_an_earlier_call_wrote(
    command: str, out: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line(command, [str(model), "--out", out])
    with pytest.raises(SystemExit):
        command_line(command, [str(model), "--out", out])
    assert "or --overwrite to replace" in capsys.readouterr().err
    fewer = ["--n", "3"] if command == "sample" else ["--steps", "3"]
    command_line(command, [str(model), "--out", out, "--overwrite", *fewer])
    if out == "folder":
        assert len(list(Path(out).iterdir())) == 3
        Path(out, "mine.png").touch()
        with pytest.raises(SystemExit):
            command_line(command, [str(model), "--out", out, "--overwrite"])
        assert "a folder with mine.png, which this command does not write" in capsys.readouterr().err


def test_lists_of_numbers_are_read() -> None:
    assert integer_list("3") == [3]
    assert integer_list("0-3, 7,5-5") == [0, 1, 2, 3, 7, 5]


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("sample", ["--n", "0"], "--n is 0; expected at least 1"),
        ("sample", ["--scale", "0"], "--scale is 0; expected at least 1"),
        ("sample", ["--classes", "8-11"], "--classes contains 10; expected 0 to 9"),
        ("sample", ["--classes", "9-3"], "9-3 is not a list of integers"),
        ("sample", ["--truncation", "0"], "--truncation is 0.0; expected a positive number"),
        ("sample", ["--out", "ours"], "--out is ours, which is a folder that is not empty"),
        ("sample", ["--out", "ours/a.ckpt"], "--out is ours/a.ckpt, which is there already"),
        ("sample", ["--device", "nonsense"], "device is nonsense, which cannot be used here"),
        ("sample", ["--sead", "3"], "unrecognized arguments: --sead"),
        ("interpolate", ["--out", "way.avi"], "--out is way.avi; expected a file that ends in .png, .gif or .mp4"),
        ("interpolate", ["--seeds", "3", "--out", "way.png"], "--seeds has 1 entries and --classes 1"),
        ("interpolate", ["--steps", "1", "--out", "way.png"], "--steps is 1; expected at least 2"),
        (
            "sample",
            ["--out", "x.jpg"],
            "--out is x.jpg; expected a file that ends in .png, or a folder for single images",
        ),
        ("sample", ["--out", "new/x.PDF"], "--out is new/x.PDF; expected a file that ends in .png"),
        ("sample", ["--colums", "2"], "unrecognized arguments: --colums 2; did you mean --columns?"),
        ("sample", ["--n", "two"], "argument --n: invalid int value: 'two'; `lightning-gans sample --help` shows what"),
        ("interpolate", ["--frame_ms", "1", "--out", "way.png"], "--frame_ms is 1; expected at least 20"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    command: str, arguments: list[str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--out" not in arguments:
        arguments = [*arguments, "--out", "new"]
    with pytest.raises(SystemExit) as ended:
        command_line(command, [str(model), *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lightning-gans: error: ")
    assert message in line
    assert sorted(path.name for path in Path().rglob("*")) == ["a.ckpt", "ours"]


def test_a_model_that_translates_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint_files.both_ways(tmp_path / "b.ckpt")
    with pytest.raises(SystemExit):
        command_line("sample", [str(path), "--out", str(tmp_path / "new")])
    assert "a model that translates images; expected a model that generates" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[object] = []

    def save(self: Image.Image, path: object, *args: object) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(SystemExit) as ended:
        command_line("sample", [str(model), "--out", "new"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "lightning-gans: new cannot be written (No space left on device)\n"
    assert sorted(path.name for path in Path().rglob("*")) == ["a.ckpt", "ours"]
