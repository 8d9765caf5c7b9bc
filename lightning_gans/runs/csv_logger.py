"""The default logger: a CSV log that a resumed run continues."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities import rank_zero_only

from lightning_gans.core.files import atomic_file
from lightning_gans.runs.folder import METRICS, parse_version, version_name


class AppendingWriter(ExperimentWriter):
    """Appends to an existing log, which Lightning's own writer deletes.

    Args:
        log_dir: folder of the log; created if necessary.
    """

    def __init__(self, log_dir: str) -> None:
        # Not that of Lightning's writer, which deletes the file.
        self.log_dir = log_dir
        self.hparams: dict[str, Any] = {}
        self.metrics: list[dict[str, float]] = []
        self._path = Path(log_dir, METRICS)
        self.metrics_file_path = str(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._columns = list(self._read()[0])

    def save(self) -> None:
        """Write the metrics that were logged since the last call."""
        if not self.metrics:
            return
        columns = sorted({*self._columns, *(name for row in self.metrics for name in row)})
        if columns == self._columns and self._path.is_file():
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, columns).writerows(self.metrics)
        else:
            self._write(columns, [*self._read()[1], *self.metrics])
        self.metrics = []

    def drop_from(self, step: int) -> None:
        """Drop rows of ``step`` and later, which a killed run wrote after the checkpoint that is now resumed."""
        if self._path.is_file():
            rows = [row for row in self._read()[1] if str(row["step"]).isdigit()]  # a kill may have cut the last one
            self._write(self._columns, [row for row in rows if int(row["step"]) < step])

    def _read(self) -> tuple[Sequence[str], list[dict[str, Any]]]:
        """The columns and the rows of the log; none if there is no file."""
        if not self._path.is_file():
            return [], []
        with self._path.open(newline="") as file:
            reader = csv.DictReader(file)
            return reader.fieldnames or [], list(reader)

    def _write(self, columns: list[str], rows: list[dict[str, Any]]) -> None:
        with atomic_file(self._path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        self._columns = columns


class ResumableCSVLogger(CSVLogger):
    """Lightning's CSVLogger, but a test or a resumed run in the same folder appends to its log.

    A new version is claimed by creating its folder, so that two runs that start at the same time get different ones.

    Args:
        save_dir: folder of all runs.
        name: folder in ``save_dir`` for the versions of a run.
        version: folder in that one: a number or a name; None for the next free number.
        prefix: of the names of metrics.
        flush_logs_every_n_steps: steps between writes.
    """

    def __init__(
        self,
        save_dir: str | Path,
        name: str | None = "lightning_logs",
        version: int | str | None = None,
        prefix: str = "",
        flush_logs_every_n_steps: int = 100,
    ) -> None:
        super().__init__(save_dir, name, version, prefix, flush_logs_every_n_steps)
        self._known_version = version
        self._writer: AppendingWriter | None = None

    @property
    def version(self) -> int | str:
        """The version that was given, else the next free one."""
        while self._known_version is None:
            versions = [parse_version(path.name) for path in Path(self.root_dir).glob("*")]
            following = max((number for number in versions if isinstance(number, int)), default=-1) + 1
            if getattr(rank_zero_only, "rank", 0) == 0:
                try:
                    Path(self.root_dir, version_name(following)).mkdir(parents=True)
                except FileExistsError:
                    continue
            self._known_version = following
        return self._known_version

    @property
    @rank_zero_experiment
    def experiment(self) -> AppendingWriter:
        """The writer of the log."""
        if self._writer is None:
            self._writer = AppendingWriter(self.log_dir)
        return self._writer

    @rank_zero_only
    def resume_at(self, step: int) -> None:
        """Drop rows of ``step`` and later: the run resumes at ``step`` and logs them again."""
        self.experiment.drop_from(step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is not written yet."""
        if self._writer is not None:
            self.save()
