"""Output files: written completely or not at all, and over an existing file only where that was asked for."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from lightning_gans.core.errors import InputError, RunEnded, os_reason


class Lock(Protocol):
    """A file, or another object that holds a lock until it is closed."""

    def close(self) -> None:
        """Release the lock in this process."""


_not_inherited: weakref.WeakSet[Lock] = weakref.WeakSet()


def close_in_children(lock: Lock) -> None:
    """Close a lock in all processes that are forked from now on.

    A lock on a file is held until all copies of its descriptor are closed. Otherwise a worker of a loader would hold
    the lock of a process that was killed.
    """
    _not_inherited.add(lock)


def _close_locks() -> None:
    for lock in list(_not_inherited):
        lock.close()


os.register_at_fork(after_in_child=_close_locks)


def require_new_path(path: Path, key: str = "--out", overwrite: bool = False, replaced: tuple[str, ...] = ()) -> None:
    """Check, before any work is done, that an output can be written, and overwrites nothing that it must not.

    Args:
        path: the output file or folder; an empty folder may exist.
        key: name of the setting whose value is ``path``, for error messages.
        overwrite: whether a file of a name in ``replaced``, or a folder with no other files, may be there.
        replaced: patterns of the names, in small letters, of the files that the command writes, such as ``*.png``.

    Raises:
        InputError: if there is something that may not be replaced, or the output cannot be written.
    """

    def is_ours(file: Path) -> bool:
        regular = file.is_file() and not file.is_symlink()
        return regular and any(fnmatchcase(file.name.lower(), pattern) for pattern in replaced)

    place = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    if path.is_dir() and not path.is_symlink():
        files = [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]
        foreign = next((file for file in files if not is_ours(file)), None)
        if overwrite and foreign is not None:
            raise InputError(
                f"{key} is {path}, a folder with {foreign.relative_to(path)}, which this command does not write and "
                "--overwrite does not replace; expected a new name"
            )
        if files and not overwrite:
            remedy = "" if foreign else ", or --overwrite to replace its files"
            raise InputError(f"{key} is {path}, which is a folder that is not empty; expected a new name{remedy}")
    elif path.exists() or path.is_symlink():
        if not overwrite or not is_ours(path):
            remedy = ", or --overwrite to replace it" if is_ours(path) else ""
            raise InputError(f"{key} is {path}, which is there already; expected a new name{remedy}")
        place = path.absolute().parent
    check_writable(place, f"{key} is {path}")


def require_writable(folder: Path, subject: str) -> None:
    """Check, before any work is done, that files can be written to a folder, which need not exist yet.

    Args:
        folder: the folder.
        subject: the setting that names it, and its value, for error messages, such as "save_dir is runs".

    Raises:
        InputError: if not.
    """
    places = (folder.absolute(), *folder.absolute().parents)
    # Not Path.exists, which fails where a parent may not be searched.
    check_writable(next(place for place in places if os.path.lexists(place)), subject)


def check_writable(place: Path, subject: str) -> None:
    """Check that there is a folder at an existing path, and that files can be written to it.

    Args:
        place: the path.
        subject: as in :func:`require_writable`.

    Raises:
        InputError: if not.
    """
    if not place.is_dir():
        raise InputError(f"{subject}, but {place} is a file; expected a folder there")
    if not os.access(place, os.W_OK | os.X_OK):
        reason = "Read-only file system" if is_read_only(place) else "Permission denied"
        raise InputError(f"{subject}, but nothing can be written to {place} ({reason})")


def is_read_only(place: Path) -> bool:
    """Whether a path is on a file system that is mounted for reading only."""
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)


HOME = re.compile(r"~[\w.-]*(?:/|$)")


def expand_home(path: str, key: str) -> str:
    """A path in which ``~`` or ``~name`` at the start is replaced by a home folder, as a shell does.

    Args:
        path: any text; one that does not begin with ``~``, or names no user of this machine, is returned as it is.
        key: name of the setting, for error messages.

    Raises:
        InputError: if the home folder is not known.
    """
    if not HOME.match(path):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        if path.partition("/")[0] != "~":
            return path
    raise InputError(f"{key} is {path}, but the home folder is not known (HOME is not set); expected a full path")


def expand_path(path: str | os.PathLike[str], key: str) -> Path:
    """The path that an argument names; see :func:`expand_home`."""
    return Path(expand_home(os.fspath(path), key))


def default_cache() -> Path | None:
    """The folder ``lightning-gans`` in the user's cache folder; None if the user has no home folder."""
    # By its specification, a path that is not absolute is to be ignored.
    if Path(given := os.environ.get("XDG_CACHE_HOME", "")).is_absolute():
        return Path(given) / "lightning-gans"
    try:
        return Path.home() / ".cache" / "lightning-gans"
    except RuntimeError:
        return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A context in which no other process is in such a context with the same folder.

    Where the file system has no locks, it does nothing.

    Raises:
        OSError: if the folder does not exist.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def append_lines(path: Path, lines: bytes) -> None:
    """Add whole lines to a file, which is created if necessary; half a line at its end gets an end of its own.

    Args:
        path: the file.
        lines: with the end of each line.

    Raises:
        RunEnded: if they cannot be written, for example because the disk is full; the file is then as it was.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines
            try:
                while lines:
                    lines = lines[os.write(descriptor, lines) :]
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RunEnded(f"{path} cannot be written ({os_reason(error)})") from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A context with a temporary file beside ``path``, which replaces ``path`` on success and is removed on failure.

    It has the suffixes of ``path``, from which writers choose a format.

    Raises:
        RunEnded: if it cannot be written, for example because the disk is full.
    """
    beside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    with _removed_unless_whole(path, beside):
        yield beside
        beside.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A context with a temporary folder beside ``path``, which replaces ``path`` on success and is removed on failure.

    Raises:
        RunEnded: if something cannot be written, for example because the disk is full.
    """
    beside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    with _removed_unless_whole(path, beside):
        beside.mkdir()
        yield beside
        if path.is_dir() and any(path.iterdir()):  # `overwrite` of require_new_path
            old = path.with_name(f".replaced-{os.getpid()}-{path.name}")
            path.rename(old)
            beside.replace(path)
            shutil.rmtree(old)
        else:
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
    """Make a folder and its parents; returns those that did not exist, the innermost first."""
    made = [folder, *folder.parents]
    made = [place for place in made if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def file_hash(path: Path) -> str:
    """First 8 hex digits of a file's SHA-256, which identify the weights of a network."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
