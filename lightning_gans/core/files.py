"""Files that commands leave: whole or not at all, and never over what is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning_gans.core.errors import InputError, RunEnded, os_reason


def require_new_path(path: Path, key: str = "--out") -> None:
    """Refuse to write where something is, before any work is done; an empty folder is nothing.

    Raises:
        InputError: if ``path``, the value of ``key``, is there, or the place for it cannot be written to.
    """
    if path.is_dir() and not any(path.iterdir()):
        place = path
    elif path.exists() or path.is_symlink():
        kind = "a folder that is not empty" if path.is_dir() else "there already"
        raise InputError(f"{key} is {path}, which is {kind}; expected a new name")
    else:
        place = next(parent for parent in path.absolute().parents if parent.exists())
    if not place.is_dir():
        raise InputError(f"{key} is {path}, but {place} is a file; expected a folder there")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{key} is {path}, but nothing can be written to {place} (Permission denied)")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, which becomes ``path`` if all goes well and else is removed.

    It has the suffixes of ``path``, by which writers choose a format.

    Raises:
        RunEnded: if it cannot be written, as on a full disk.
    """
    beside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    with _removed_unless_whole(path, beside):
        yield beside
        beside.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` to write into, which becomes ``path`` if all goes well and else is removed.

    Raises:
        RunEnded: if something cannot be written, as on a full disk.
    """
    beside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    with _removed_unless_whole(path, beside):
        beside.mkdir()
        yield beside
        beside.replace(path)


@contextmanager
def _removed_unless_whole(path: Path, beside: Path) -> Iterator[None]:
    made: list[Path] = []
    try:
        made = _make_folder(path.parent)
        yield
    except BaseException as error:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()
        if isinstance(error, OSError):
            raise RunEnded(f"{path} cannot be written ({os_reason(error)})") from error
        raise


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; which ones were made, the innermost first."""
    made = [folder, *folder.parents]
    made = [place for place in made if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made
