"""The default logger: CSV, and a resumed run goes on in the same file."""

from __future__ import annotations

import csv
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities import rank_zero_only

from lightning_gans.runs.folder import version_name


class _AppendingWriter(ExperimentWriter):
    """A writer that keeps what is there; Lightning's own deletes an existing file."""

    def _check_log_dir_exists(self) -> None:
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="") as file:
                self.metrics_keys = list(csv.DictReader(file).fieldnames or [])

    def forget_from(self, step: int) -> None:
        """Drop rows of ``step`` and later: a killed run wrote them after the checkpoint it now resumes from."""
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
    """Lightning's CSVLogger, but a test or a resumed run in the same folder adds to its curve.

    A new version is taken by making its folder, so that two runs that start at once get one each.
    """

    @property
    def version(self) -> int | str:
        """The version: as given, else the next one."""
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
        """The writer of ``metrics.csv``."""
        if not isinstance(self._experiment, _AppendingWriter):
            self._experiment = _AppendingWriter(self.log_dir)
        return self._experiment

    @rank_zero_only
    def go_on_from(self, step: int) -> None:
        """Keep the rows before ``step`` only: the run resumes there, and will log the later ones again."""
        self.experiment.forget_from(step)
