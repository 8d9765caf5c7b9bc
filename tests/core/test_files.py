from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.files import atomic_file, atomic_folder, require_new_path

Whole = Callable[[Path], AbstractContextManager[Path]]


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.png"
    with atomic_file(target) as beside:
        beside.write_text("half")
        assert not target.exists()
        assert beside.suffix == ".png"
    assert target.read_text() == "half"
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "a.png"]


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()
    with atomic_folder(target) as beside:
        (beside / "x").touch()
        assert not any(target.iterdir())
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "x"]


def interrupted(whole: Whole, target: Path, error: BaseException) -> None:
    with whole(target) as beside:
        (beside / "x" if beside.is_dir() else beside).write_text("half")
        raise error


@pytest.mark.parametrize("whole", [atomic_file, atomic_folder])
def test_a_full_disk_leaves_nothing_and_is_one_sentence(whole: Whole, tmp_path: Path) -> None:
    target = tmp_path / "new" / "deeper" / "a"
    with pytest.raises(RunEnded, match=r"a cannot be written \(No space left on device\)"):
        interrupted(whole, target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(atomic_file, tmp_path / "a", KeyboardInterrupt())
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="which is there already"):
        require_new_path(tmp_path / "file")
    with pytest.raises(InputError, match="which is there already"):
        require_new_path(tmp_path / "link")
    with pytest.raises(InputError, match="which is a folder that is not empty"):
        require_new_path(tmp_path)
    with pytest.raises(InputError, match="is a file; expected a folder there"):
        require_new_path(tmp_path / "file" / "a" / "b")
    require_new_path(tmp_path / "new" / "b")


def test_a_place_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    with pytest.raises(InputError, match=r"nothing can be written to .* \(Permission denied\)"):
        require_new_path(tmp_path / "new" / "b")


def test_overwriting_replaces_only_what_the_command_writes(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.PNG", tmp_path / "images"
    folder.mkdir()
    for path in (file, folder / "0.png"):
        path.touch()
    for path in (file, folder):
        with pytest.raises(InputError, match="or --overwrite to replace"):
            require_new_path(path, replaced=("*.png",))
        require_new_path(path, overwrite=True, replaced=("*.png",))
        with pytest.raises(InputError, match=r"expected a new name$"):
            require_new_path(path, overwrite=True, replaced=("*.gif",))
    (folder / "link.png").symlink_to(file)
    with pytest.raises(InputError, match=r"a folder with link\.png, which this command does not write"):
        require_new_path(folder, overwrite=True, replaced=("*.png",))


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()
    (target / "old").touch()
    with atomic_folder(target) as beside:
        (beside / "new").touch()
        assert (target / "old").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "new"]
