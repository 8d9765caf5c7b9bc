"""``lightning-gans prepare``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from tests.support.folders import fill, folder, save


def lines(output: str) -> dict[str, str]:
    return {line[:14].strip(): line[14:] for line in output.splitlines()}


def test_it_says_what_is_in_a_folder_and_training_reads_its_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = tmp_path / "root", tmp_path / "cache"
    fill(root, {"train/cat": 10, "train/dog": 20}, 6)
    fill(root, {"test/dog": 99}, 2)
    save(root / "train" / "cat" / "wide.jpg", 7, (30, 12), "L")
    Image.new("I;16", (9, 9), 500).save(root / "train" / "cat" / "deep.png")
    shutil.copy(root / "train" / "cat" / "0.png", root / "test" / "dog" / "copy.png")
    command_line("prepare", [str(root), "--size", "8", "10", "--cache_dir", str(cache)])
    found = lines(capsys.readouterr().out)
    assert found["images"] == "train 14, test 3"
    assert found["classes"] == "2: cat, dog; for training cat has the most, 8, and dog the fewest, 6"
    assert found["sizes"] == (
        "3 shapes (width x height), most often 8 x 8 (15), 9 x 9 (1), 30 x 12 (1); widths 8 to 30, heights 8 to 12, "
        "width / height 1.00 to 2.50; 16 are enlarged to cover 8 x 10"
    )
    assert found["channels"] == "color of 8 bits (15), gray of 16 bits (1), gray of 8 bits (1)"
    assert found["duplicates"] == "1 file has the content of another: test/dog/copy.png is train/cat/0.png"
    assert found["training"] == (
        f"--data.root {root} --data.size '[8, 10]' --data.cache_dir {cache} --data.memory_gb 0 reads it"
    )
    places = {path.name for path in cache.iterdir()}
    assert len(places) == 2
    with pytest.warns(
        UserWarning, match=r"1 of 14 files have more than 8 bits, which are rounded to 8: train/cat/deep\.png;"
    ):
        folder(root, size=(8, 10), cache_dir=cache, memory_gb=0)
    assert {path.name for path in cache.iterdir()} == places


def test_files_that_cannot_be_used_are_all_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "root", {".": 10})
    for index in range(5):
        (tmp_path / "root" / f"bad{index}.png").write_text("nothing")
    with pytest.raises(SystemExit) as exit_:
        command_line("prepare", [str(tmp_path / "root"), "--cache_dir", str(tmp_path / "cache")])
    said = capsys.readouterr()
    assert exit_.value.code == 2
    assert said.out == ""
    assert all(f"bad{index}.png: not an image\n" in said.err for index in range(5))
    assert "error: ROOT is " in said.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "ROOT is nowhere, which is not there; expected a folder"),
        ([".", "--size", "0"], "--size is 0; expected one or two numbers of at least 1"),
        ([".", "--size", "1", "2", "3"], "--size is 1 2 3; expected one or two numbers of at least 1"),
        ([".", "--channels", "0"], "--channels is 0; expected at least 1"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        command_line("prepare", arguments)
    assert message in capsys.readouterr().err
