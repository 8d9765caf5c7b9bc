"""The default logger: a CSV log that a resumed run continues."""

from __future__ import annotations

import csv
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities import rank_zero_only

from lightning_gans.runs.folder import version_name


class _AppendingWriter(ExperimentWriter):
    """A writer that appends to an existing file, which Lightning's own deletes."""

    def _check_log_dir_exists(self) -> None:
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="") as file:
                self.metrics_keys = list(csv.DictReader(file).fieldnames or [])

    def drop_from(self, step: int) -> None:
        """Drop rows of ``step`` and later, which a killed run wrote after the checkpoint that is now resumed."""
        path = Path(self.metrics_file_path)
        if not path.is_file():
            return
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["step"]) < step]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=self.metrics_keys)
            writer.writeheader()
            writer.writerows(rows)


class ResumableCSVLogger(CSVLogger):
    """Lightning's CSVLogger, but a test or a resumed run in the same folder appends to its log.

    A new version is claimed by creating its folder, so that two runs that start at the same time get different ones.
    """

    @property
    def version(self) -> int | str:
        """The version that was given, else the next free one."""
        while self._version is None and getattr(rank_zero_only, "rank", 0) == 0:
            version = self._get_next_version()
            try:
                Path(self.root_dir, version_name(version)).mkdir(parents=True)
            except FileExistsError:
                continue
            self._version = version
        return super().version

    @property
    @rank_zero_experiment
    def experiment(self) -> _AppendingWriter:
        """The writer of the log."""
        if not isinstance(self._experiment, _AppendingWriter):
            self._experiment = _AppendingWriter(self.log_dir)
        return self._experiment

    @rank_zero_only
    def resume_at(self, step: int) -> None:
        """Drop rows of ``step`` and later: the run resumes at ``step`` and logs them again."""
        self.experiment.drop_from(step)
