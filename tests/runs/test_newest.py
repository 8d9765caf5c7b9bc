"""The newest of several runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lightning_gans.runs.below import newest_first, newest_run_in
from lightning_gans.runs.folder import RunFolder


def a_run(folder: Path, written: int | None) -> RunFolder:
    """A run's folder, with a checkpoint of a time in seconds, or none."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").touch()
    if written is not None:
        (folder / "checkpoints" / "last.ckpt").touch()
        os.utime(folder / "checkpoints" / "last.ckpt", (written, written))
    return RunFolder(folder)


def test_the_newest_is_the_one_that_was_written_to_last(tmp_path: Path) -> None:
    old, new, empty = (a_run(tmp_path / name, time) for name, time in (("a/0", 10), ("b/1", 20), ("b/2", None)))
    assert newest_first([old, new, empty]) == [new, old]
    assert newest_run_in(tmp_path) == newest_run_in(tmp_path / "b") == new
    assert newest_run_in(tmp_path / "a") == old


@pytest.mark.parametrize("place", ["a/0", "a/0/checkpoints", "a/0/config.yaml", "nowhere", "only"])
def test_what_is_a_run_or_no_folder_of_runs_has_none(place: str, tmp_path: Path) -> None:
    a_run(tmp_path / "a/0", 10)
    a_run(tmp_path / "a/0/interrupted", 20)
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "last.ckpt").touch()
    a_run(tmp_path / "only" / "below", 10)
    assert newest_run_in(tmp_path / place) is None


def test_a_folder_that_cannot_be_listed_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> list[RunFolder]:
        raise PermissionError(str(folder))

    monkeypatch.setattr("lightning_gans.runs.below.runs_below", refuse)
    assert newest_run_in(tmp_path) is None
