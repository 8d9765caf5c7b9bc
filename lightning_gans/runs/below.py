"""The folders of runs below a folder, and the newest of them. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lightning_gans.runs.folder import BEST, CHECKPOINTS, INTERRUPTED, LAST, SCORES, RunFolder


def scored_runs_below(folder: Path) -> list[RunFolder]:
    """The folder if it has scores, else all folders below it that have. Folders inside a run's folder are not searched.

    A folder that cannot be listed is left out.
    """
    found = []
    for path, folders, files in os.walk(folder):
        if SCORES in files:
            found.append(RunFolder(Path(path)))
        folders[:] = [name for name in folders if SCORES not in files and not name.startswith(INTERRUPTED)]
    return sorted(found, key=lambda run: run.path)


def runs_below(folder: Path) -> list[RunFolder]:
    """The folder if it is a run's, else all runs' folders below it. Folders inside a run's folder are not searched.

    Raises:
        OSError: if a folder cannot be listed, since it may contain runs.
    """

    def fail(error: OSError) -> None:
        raise error

    found = []
    for path, folders, _ in os.walk(folder, onerror=fail):
        folders.sort()
        if (run := RunFolder(Path(path))).is_run():
            found.append(run)
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(INTERRUPTED)]
    return found


def newest_first(folders: Iterable[RunFolder]) -> list[RunFolder]:
    """The folders with checkpoints, the one that was written to last first."""
    written = {
        folder: max((path.stat().st_mtime for path in folder.all_checkpoints()), default=None) for folder in folders
    }
    found = [(time, folder) for folder, time in written.items() if time is not None]
    return [folder for _, folder in sorted(found, key=lambda pair: pair[0], reverse=True)]


def newest_run_in(path: Path) -> RunFolder | None:
    """The newest run in a folder of runs; None if there is none, or the path is a run's folder or no folder.

    Args:
        path: what the user gave where one run is expected.
    """
    own = path.parent if path.name == CHECKPOINTS else path
    has_checkpoint = any((path / f"{name}.ckpt").is_file() for name in (BEST, LAST))
    if not path.is_dir() or has_checkpoint or RunFolder(own).is_run() or RunFolder(own).all_checkpoints():
        return None
    try:
        return next(iter(newest_first(runs_below(path))), None)
    except OSError:  # a folder below cannot be listed; the path is then refused as it is
        return None
