"""Files that change during a run, found by their sizes and modification times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from lightning_gans.core.names import list_names

FileState = tuple[int, int]
"""A file's size in bytes and its modification time in nanoseconds."""

CHANGED = "changed while it was read"
"""The reason why a file cannot be used whose state differs from that when it was listed."""


def file_state(path: Path) -> FileState | None:
    """The state of a file; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def file_states(paths: Iterable[Path]) -> dict[Path, FileState | None]:
    """The states of files."""
    return {path: file_state(path) for path in paths}


def changes_sentence(key: str, root: Path, changed: Sequence[str], count: int) -> str:
    """What a warning says of files that have changed since they were read.

    Args:
        key: name of the setting whose value is ``root``.
        root: the folder relative to which files are named.
        changed: their names.
        count: number of all files.
    """
    return (
        f"{key} is {root}, where {len(changed)} of {count} files have changed since they were read: "
        f"{list_names(sorted(changed))}; this run used them as they were, and its images and scores cannot be "
        "reproduced from the folder as it is now"
    )


@rank_zero_only
def warn_of_changes(key: str, root: Path, states: Mapping[Path, FileState | None]) -> None:
    """Warn of files whose state differs from an earlier one.

    Args:
        key: name of the setting whose value is ``root``.
        root: the folder relative to which files are named.
        states: the earlier states.
    """
    changed = [path.relative_to(root).as_posix() for path, state in states.items() if file_state(path) != state]
    if changed:
        rank_zero_warn(changes_sentence(key, root, changed, len(states)))
