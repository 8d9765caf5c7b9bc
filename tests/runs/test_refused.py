"""A run that is refused leaves nothing that was not there before, and removes nothing that was."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.refused import FolderBefore


def write_run(path: Path) -> RunFolder:
    """What a run has made before its first step."""
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    folder.lock.write_text("")
    folder.next_config().write_text("{}")
    return folder


def test_the_new_folder_and_those_above_it_are_removed(tmp_path: Path) -> None:
    before = FolderBefore(tmp_path / "runs" / "dcgan")
    before.restore(write_run(tmp_path / "runs" / "dcgan" / "version_0"))
    assert not list(tmp_path.iterdir())


def test_other_versions_stay(tmp_path: Path) -> None:
    write_run(tmp_path / "dcgan" / "version_0")
    before = FolderBefore(tmp_path / "dcgan")
    before.restore(write_run(tmp_path / "dcgan" / "version_1"))
    assert [path.name for path in (tmp_path / "dcgan").iterdir()] == ["version_0"]
    # Another run of the same name, which began meanwhile.
    before = FolderBefore(tmp_path / "other")
    folder = write_run(tmp_path / "other" / "version_0")
    write_run(tmp_path / "other" / "version_1")
    before.restore(folder)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["version_1"]


@pytest.mark.parametrize("known", [True, False])
def test_a_folder_that_was_there_keeps_its_files(known: bool, tmp_path: Path) -> None:
    path = tmp_path / "dcgan" / "mine"
    path.mkdir(parents=True)
    (path / "notes.txt").write_text("mine")
    before = FolderBefore(path.parent if known else None)
    before.note_files(RunFolder(path))
    before.restore(write_run(path))
    assert [file.name for file in path.iterdir()] == ["notes.txt"]


def test_the_lock_and_the_configs_of_an_earlier_run_stay(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "dcgan" / "version_0")
    before = FolderBefore(tmp_path / "dcgan")
    before.note_files(folder)
    folder.next_config().write_text("{}")
    before.restore(folder)
    assert sorted(file.name for file in folder.path.iterdir()) == [".lock", "config.yaml"]
