"""What a run that is refused before its first step takes back: the files and folders that it has made."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from lightning_gans.runs.folder import RunFolder


class FolderBefore:
    """What was there before a run.

    Args:
        runs: the folder of all versions of the run, as it is before loggers make folders in it. None if it is not
            known; then the run's own folder counts as one that was there.
    """

    def __init__(self, runs: Path | None = None) -> None:
        self._runs = None if runs is None else runs.absolute()
        own = () if self._runs is None or not self._runs.is_dir() else self._runs.iterdir()
        above = () if self._runs is None else (self._runs, *self._runs.parents)
        self._there = {*own, *(folder for folder in above if folder.exists())}
        self._files: set[Path] = set()

    def note_files(self, folder: RunFolder) -> None:
        """Note the files in the run's folder, before the run writes its own."""
        self._files = set(folder.path.iterdir()) if folder.path.is_dir() else set()

    def restore(self, folder: RunFolder) -> None:
        """Remove what is new: the run's folder and those that it is in, or its lock and config in a folder of before.

        What cannot be removed stays.
        """
        path = folder.path.absolute()
        with suppress(OSError):
            if path.parent != self._runs or path in self._there:
                for file in {folder.lock, *folder.configs()} - self._files:
                    file.unlink()
                return
            shutil.rmtree(path)
            for above in path.parents:
                if above in self._there:
                    break
                above.rmdir()  # fails, as it should, where another run has written meanwhile
