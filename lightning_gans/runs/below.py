"""The folders of runs below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from lightning_gans.runs.folder import INTERRUPTED, SCORES, RunFolder


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
