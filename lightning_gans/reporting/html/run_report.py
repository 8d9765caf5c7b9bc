"""What a report shows of a run, read from the files in its folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.html.pictures import Picture, Timeline, newest_test_grids, read_picture, select_timelines
from lightning_gans.reporting.runs import unique_runs
from lightning_gans.runs.curves import Series, parse_number, read_log
from lightning_gans.runs.folder import CONFIG, EVIDENCE, RUN_FILES, SCORES, RunFolder, runs_below
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.runs.settings import Settings

MAX_GRIDS = 24
"""Largest number of grids in a timeline."""
MAX_GRIDS_ON_PAGE = 144
"""Largest number of grids on a page of many runs with one timeline each; but a timeline has at least four."""

MAX_STEP = 2**53
"""Largest step that a float represents exactly."""

MAX_VALUE = 1e100
"""Matplotlib fails to put ticks on an axis with larger values."""

ANALYSIS_PICTURES = {
    "neighbors.png": "samples and their nearest training images",
    "interpolation.png": "interpolations",
    "scores.png": "D's outputs for training, held-out and generated images",
}
"""Pictures of the analysis of a trained model, with captions."""


@dataclass(frozen=True)
class RunReport:
    """What a report shows of a run.

    Attributes:
        folder: as the user gave it.
        name: the last parts of its path, as many as distinguish it from the report's other runs.
        settings: the newest config, each value under its dotted key.
        config: name and text of its file.
        rows: scores, oldest first.
        warnings: of the watchdog, oldest first.
        results: of the newest test; None if there was no test.
        log: columns of the CSV log.
        timelines: grids of validations.
        tests: the newest test's grid, for each domain.
        analysis: pictures of the analysis of the trained model, each after its caption.
        reached: the largest epoch and the largest step in any of these files; None if there is none.
        started: when the first config was written.
        written: when the newest file was written.
    """

    folder: Path
    name: str
    settings: Settings
    config: tuple[str, str]
    rows: list[ScoreRow]
    warnings: list[dict[str, Any]]
    results: dict[str, Any] | None
    log: dict[str, Series]
    timelines: list[Timeline]
    tests: list[Timeline]
    analysis: list[tuple[str, Picture]]
    reached: tuple[int | None, int | None]
    started: datetime
    written: datetime

    @property
    def variant(self) -> str:
        """Class name of the model."""
        return str(self.settings["model.class_path"]).rpartition(".")[2]

    @property
    def seed(self) -> str:
        """As in the config."""
        return str(self.settings.get("seed_everything", "not set"))

    @property
    def progress(self) -> str:
        """The epoch and the step that the run has reached."""
        epoch, step = self.reached
        parts = [f"{name} {count:,}" for name, count in (("epoch", epoch), ("step", step)) if count is not None]
        return ", ".join(parts) or "not known"


def find_runs(folders: Iterable[Path]) -> list[RunFolder]:
    """Runs in the given folders and below them, each once, whether or not they were tested.

    Raises:
        InputError: if a folder does not exist or has no run.
        OSError: if a folder cannot be listed.
    """
    return unique_runs(folders, runs_below, f"no run: neither {SCORES} nor a {CONFIG} beside {' or '.join(EVIDENCE)}")


def distinct_names(folders: list[Path]) -> list[str]:
    """The last two parts of each path, or more if that does not make them distinct."""
    parts = [folder.resolve().parts[1:] for folder in folders]
    for count in range(2, max(map(len, parts), default=2) + 1):
        short = ["/".join(part[-count:]) for part in parts]
        if len(set(short)) == len(short):
            return short
    return ["/".join(part) for part in parts]


def read_reports(folders: list[RunFolder]) -> list[RunReport]:
    """Read what the report shows of each of these runs.

    Raises:
        InputError: if the content of a file is not valid.
        OSError: if a file cannot be read.
    """
    max_grids = max(4, min(MAX_GRIDS, MAX_GRIDS_ON_PAGE // max(1, len(folders))))
    names = distinct_names([folder.path for folder in folders])
    return [read_report(folder, name, max_grids) for folder, name in zip(folders, names, strict=True)]


def read_report(folder: RunFolder, name: str, max_grids: int) -> RunReport:
    """Read one run, with at most ``max_grids`` grids in a timeline."""
    settings = folder.read_settings()
    rows = folder.read_scores() if folder.scores.exists() else []
    grids = folder.grids()
    log = read_curves(folder.metrics)
    steps = [grid.step for grid in grids] + [row.step for row in rows if row.step is not None]
    # The step at which a score is logged need not be one of training.
    steps += [series.steps[-1] for name, series in log.items() if not name.startswith(("val/", "test/"))]
    epochs = [grid.epoch for grid in grids] + [row.epoch for row in rows if row.epoch is not None]
    pictures = ((caption, folder.analysis / file) for file, caption in ANALYSIS_PICTURES.items())
    return RunReport(
        folder=folder.path,
        name=name,
        settings=settings,
        config=(folder.config.name, folder.config.read_text(encoding="utf-8")),
        rows=rows,
        warnings=read_warnings(folder.watchdog) if folder.watchdog.exists() else [],
        results=read_results(folder.results) if folder.results.exists() else None,
        log=log,
        timelines=select_timelines(grids, max_grids),
        tests=newest_test_grids(grids),
        analysis=[(caption, read_picture(path)) for caption, path in pictures if path.exists()],
        reached=(max(epochs, default=None), max(steps, default=None)),
        started=modification_time(folder.first_config),
        written=max(modification_time(path) for pattern in RUN_FILES for path in folder.path.glob(pattern)),
    )


def modification_time(path: Path) -> datetime:
    """When a file was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def read_curves(path: Path) -> dict[str, Series]:
    """The columns of a CSV log; none if the file does not exist, as with another logger.

    The last row may be incomplete, as after a kill, and is then skipped.

    Raises:
        InputError: if the file is not a log with a step in each row.
    """
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            head = next(reader, None)
            bad = head is not None and (
                "step" not in head or not all(is_valid_row(head, row) for row in list(reader)[:-1])
            )
        if not bad:
            return drop_undrawable(read_log(path))
    except (csv.Error, UnicodeDecodeError):
        pass
    raise InputError(f"{path} cannot be read as a log; expected CSV with a column step and a number of it in each row")


def drop_undrawable(log: dict[str, Series]) -> dict[str, Series]:
    """A log without values that cannot be drawn; they are far beyond those of 32-bit floats."""
    kept = {
        name: [(step, value) for step, value in zip(*series, strict=True) if abs(value) < MAX_VALUE]
        for name, series in log.items()
    }
    return {name: Series([step for step, _ in row], [value for _, value in row]) for name, row in kept.items() if row}


def is_valid_row(head: list[str], row: list[str]) -> bool:
    """Whether a row has a cell for each column and a step that can be drawn, or is empty."""
    if not row:
        return True
    step = parse_number(row[head.index("step")]) if len(row) == len(head) else None
    return step is not None and 0 <= step <= MAX_STEP


def read_warnings(path: Path) -> list[dict[str, Any]]:
    """The warnings of the watchdog.

    Raises:
        InputError: if a line is not a warning.
    """
    found = []
    for index, line in enumerate(read_text(path).splitlines(), start=1):
        row = parse_json(line)
        if not isinstance(row, dict) or "symptom" not in row or not isinstance(row.get("evidence", {}), dict):
            raise InputError(f"{path}, line {index}, is not a warning of the watchdog; expected JSON with a symptom")
        found.append(row)
    return found


def read_results(path: Path) -> dict[str, Any]:
    """The results of a test.

    Raises:
        InputError: if the file is not JSON, or has no versions or no machine.
    """
    content = parse_json(read_text(path))
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("versions", "machine")):
        raise InputError(f"{path} holds no results; expected JSON with versions and machine, as test writes it")
    return content


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: if it is not text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} cannot be read; expected text in UTF-8") from None


def parse_json(text: str) -> Any:
    """The value of a JSON text; None if it is not JSON."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
