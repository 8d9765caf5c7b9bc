"""What a report says of one run, read from the files in its folder."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.html.pictures import Picture, Timeline, grid_files, read_picture, test_grids, timelines
from lightning_gans.reporting.runs import SCORES, each_once, newest_config, read_rows, read_settings
from lightning_gans.runs.curves import Series, number, read_log

GRIDS = 24
"""Grids in a timeline at most."""
GRIDS_IN_ALL = 144
"""Timelines' grids at most where many runs share a page, for as many timelines as runs; but each has a few."""

MOST_STEPS = 2**53
"""As far as a float counts."""

LARGEST = 1e100
"""Beyond it matplotlib fails to put marks on an axis."""

ANALYSIS = {
    "neighbours.png": "samples and their nearest training images",
    "interpolation.png": "interpolations",
    "scores.png": "what D makes of training, held-out and generated images",
}
"""Pictures that :class:`lightning_gans.callbacks.analysis.Analysis` leaves."""

WRITTEN = ("config*.yaml", "metrics.csv", "*.jsonl", "results.json", "samples/*.png", "checkpoints/*.ckpt")
"""What a run writes; a report in its folder is none of it."""

TRACES = ("metrics.csv", "checkpoints", "samples", "results.json")
"""What makes the folder of a config that of a run; one of them is enough."""


@dataclass(frozen=True)
class Contents:
    """One run.

    Attributes:
        folder: as the user reaches it.
        name: the last parts of its path, as many as tell it from the report's other runs.
        settings: the newest config, each value under its dotted key.
        config: its file's name and text.
        rows: of ``scores.jsonl``, oldest first; none where nothing was scored.
        warnings: of ``watchdog.jsonl``, oldest first.
        results: ``results.json`` of the newest test; None of a run without a test.
        log: the columns of ``metrics.csv``.
        timelines: grids of validations.
        tests: the newest test's grid, for each domain.
        analysis: pictures that the analysis has drawn, with what it shows.
        reached: the largest epoch and step that any of this tells of, where there is one.
        started: when the config was written.
        written: when the newest of the files was written.
    """

    folder: Path
    name: str
    settings: dict[str, Any]
    config: tuple[str, str]
    rows: list[dict[str, Any]]
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
        """The class's name."""
        return str(self.settings["model.class_path"]).rpartition(".")[2]

    @property
    def seed(self) -> str:
        """As in the config."""
        return str(self.settings.get("seed_everything", "not set"))

    @property
    def progress(self) -> str:
        """How far it has come."""
        epoch, step = self.reached
        parts = [f"{what} {count:,}" for what, count in (("epoch", epoch), ("step", step)) if count is not None]
        return ", ".join(parts) or "not known"


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's: it has scores, or a config and another trace of a run."""
    if (folder / SCORES).is_file():
        return True
    return (folder / "config.yaml").is_file() and any((folder / trace).exists() for trace in TRACES)


def run_folders(folders: Iterable[Path]) -> list[Path]:
    """Run folders among the given ones and below them, each once, trained only or tested.

    Raises:
        InputError: if a folder is none, or holds no run.
    """
    return each_once(folders, below, f"no run: neither {SCORES} nor a config.yaml beside {' or '.join(TRACES)}")


def below(folder: Path) -> list[Path]:
    """The runs in a folder, which may be one; what lies inside a run is part of it."""
    found = []
    for path, folders, _ in os.walk(folder, onerror=refuse):
        folders.sort()
        if is_run(Path(path)):
            found.append(Path(path))
            folders.clear()
    return found


def refuse(error: OSError) -> None:
    """A folder that cannot be looked into may hold runs: leaving them out in silence would be wrong."""
    raise error


def names(folders: list[Path]) -> list[str]:
    """The last two parts of each path, or as many more as it takes to tell them apart."""
    parts = [folder.resolve().parts[1:] for folder in folders]
    for count in range(2, max(map(len, parts), default=2) + 1):
        short = ["/".join(part[-count:]) for part in parts]
        if len(set(short)) == len(short):
            return short
    return ["/".join(part) for part in parts]


def read_contents(folders: list[Path]) -> list[Contents]:
    """What the report says of each of these runs.

    Raises:
        InputError: if a file cannot be read, or is not what its name says.
    """
    most = max(4, min(GRIDS, GRIDS_IN_ALL // max(1, len(folders))))
    return [read_one(folder, name, most) for folder, name in zip(folders, names(folders), strict=True)]


def read_one(folder: Path, name: str, most: int) -> Contents:
    """One run, with ``most`` grids in a timeline at most."""
    config = newest_config(folder)
    settings = read_settings(config)
    rows = read_rows(folder / SCORES) if (folder / SCORES).exists() else []
    files = grid_files(folder)
    log = read_curves(folder / "metrics.csv")
    steps = [file.step for file in files] + [row["step"] for row in rows if isinstance(row.get("step"), int)]
    # A score is logged at a step that need not be training's.
    steps += [series.steps[-1] for name, series in log.items() if not name.startswith(("val/", "test/"))]
    epochs = [file.epoch for file in files] + [row["epoch"] for row in rows if isinstance(row.get("epoch"), int)]
    watchdog = folder / "watchdog.jsonl"
    results = folder / "results.json"
    drawn = ((text, folder / "analysis" / file) for file, text in ANALYSIS.items())
    return Contents(
        folder=folder,
        name=name,
        settings=settings,
        config=(config.name, config.read_text(encoding="utf-8")),
        rows=rows,
        warnings=read_warnings(watchdog) if watchdog.exists() else [],
        results=read_results(results) if results.exists() else None,
        log=log,
        timelines=timelines(files, most),
        tests=test_grids(files),
        analysis=[(text, read_picture(path)) for text, path in drawn if path.exists()],
        reached=(max(epochs, default=None), max(steps, default=None)),
        started=time_of(folder / "config.yaml" if (folder / "config.yaml").exists() else config),
        written=max(time_of(path) for pattern in WRITTEN for path in folder.glob(pattern)),
    )


def time_of(path: Path) -> datetime:
    """When a file was written last."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def read_curves(path: Path) -> dict[str, Series]:
    """The columns of a ``metrics.csv``; none where there is no such file, as with another logger.

    A row that a kill has cut short is skipped, but a file that is no log is not taken for an empty one.

    Raises:
        InputError: if it is no log of steps.
    """
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            head = next(reader, None)
            bad = head is not None and (
                "step" not in head or not all(plausible(head, row) for row in list(reader)[:-1])
            )
        if not bad:
            return drawable(read_log(path))
    except (csv.Error, UnicodeDecodeError):
        pass
    raise InputError(f"{path} cannot be read as a log; expected CSV with a column step and a number of it in each row")


def drawable(log: dict[str, Series]) -> dict[str, Series]:
    """A log without what no axis can show; training's own floats end far below."""
    kept = {
        name: [(step, value) for step, value in zip(*series, strict=True) if abs(value) < LARGEST]
        for name, series in log.items()
    }
    return {name: Series([step for step, _ in row], [value for _, value in row]) for name, row in kept.items() if row}


def plausible(head: list[str], row: list[str]) -> bool:
    """Whether a row has a cell for each column, and a step that can be drawn; empty lines are none."""
    if not row:
        return True
    step = number(row[head.index("step")]) if len(row) == len(head) else None
    return step is not None and 0 <= step <= MOST_STEPS


def read_warnings(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``watchdog.jsonl``.

    Raises:
        InputError: if a line is no warning.
    """
    found = []
    for index, line in enumerate(read_text(path).splitlines(), start=1):
        row = parsed(line)
        if not isinstance(row, dict) or "symptom" not in row or not isinstance(row.get("evidence", {}), dict):
            raise InputError(f"{path}, line {index}, is no warning of the watchdog; expected JSON with a symptom")
        found.append(row)
    return found


def read_results(path: Path) -> dict[str, Any]:
    """A ``results.json``.

    Raises:
        InputError: if it is no JSON, or has no versions or machine.
    """
    content = parsed(read_text(path))
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("versions", "machine")):
        raise InputError(f"{path} holds no results; expected JSON with versions and machine, as test writes it")
    return content


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: if it is none.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} cannot be read; expected text in UTF-8") from None


def parsed(text: str) -> Any:
    """What a JSON text says; None where it is none."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
