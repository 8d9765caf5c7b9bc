"""The default logger: a CSV log that a resumed run continues."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from lightning_gans.core.errors import RunEnded, os_reason
from lightning_gans.core.files import append_lines, expand_path, locked
from lightning_gans.runs.folder import METRICS, parse_version, version_name
from lightning_gans.runs.metrics_log import parse_header, read_metrics_log, write_metrics_log


class AppendingWriter(ExperimentWriter):
    """Appends to an existing log, which Lightning's own writer deletes.

    Another process may add rows and columns to the same log, as a ``test`` of the best checkpoint during a ``fit``.

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

    def save(self) -> None:
        """Write the metrics that were logged since the last call.

        Raises:
            RunEnded: if they cannot be written, for example because the disk is full; the log is then as it was.
        """
        if not self.metrics:
            return
        with self._locked():
            known = self._appendable_columns()
            columns = sorted({*known, *(name for row in self.metrics for name in row)})
            if columns == known:
                text = io.StringIO(newline="")
                csv.DictWriter(text, columns).writerows(self.metrics)
                append_lines(self._path, text.getvalue().encode())
            else:
                log = read_metrics_log(self._path)
                if not log.columns:
                    self._keep_damaged()
                write_metrics_log(self._path, columns, [*log.rows, *self.metrics])
        self.metrics = []

    def drop_from(self, step: int) -> None:
        """Repair the log for a run that is resumed at ``step``.

        Rows of ``step`` and later, which a killed run wrote after the checkpoint, and lines that are no whole rows are
        dropped. A warning names the latter, except half a row at the end, which a kill leaves.
        """
        if not self._path.is_file():
            return
        with self._locked():
            log = read_metrics_log(self._path)
            if damage := log.describe_damage(self._path)[: -1 if log.cut else None]:
                more = f" (nor are {len(damage) - 1} others)" if len(damage) > 1 else ""
                rank_zero_warn(f"{damage[0]}{more}; dropped")
            if log.columns:
                rows = [row for row in log.rows if int(row["step"]) < step]
                write_metrics_log(self._path, log.columns, rows)
            else:
                self._keep_damaged()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locked(self._path.parent):
                yield
        except OSError as error:
            raise RunEnded(f"{self._path} cannot be written ({os_reason(error)})") from error

    def _appendable_columns(self) -> list[str]:
        """The columns of the log if rows can be appended to it, else none."""
        try:
            with self._path.open("rb") as file:
                columns = parse_header(file.readline())
                file.seek(-1, os.SEEK_END)
                return columns if file.read(1) == b"\n" else []
        except OSError:  # no file, or an empty one
            return []

    def _keep_damaged(self) -> None:
        """Rename a log without a header, whose rows cannot be read."""
        if self._path.is_file() and self._path.stat().st_size:
            self._path.replace(self._path.with_name(f"{self._path.stem}-damaged{self._path.suffix}"))


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
        super().__init__(expand_path(save_dir, "save_dir"), name, version, prefix, flush_logs_every_n_steps)
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
        """Write what is not written yet; after an error, only if that is possible, so that the first error is shown."""
        if self._writer is not None:
            with suppress(*([] if status == "success" else [RunEnded])):
                self.save()
