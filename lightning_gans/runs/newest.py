"""The newest of several runs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lightning_gans.runs.below import runs_below
from lightning_gans.runs.folder import BEST, CHECKPOINTS, LAST, RunFolder


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
