"""What a report shows of a run, read from the files in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.reporting.html.pictures import Picture, Timeline, newest_test_grids, read_picture, select_timelines
from lightning_gans.reporting.runs import unique_runs
from lightning_gans.runs.below import runs_below
from lightning_gans.runs.curves import Series, read_log
from lightning_gans.runs.event_log import read_event_log
from lightning_gans.runs.folder import CONFIG, EVIDENCE, RUN_FILES, SCORES, RunFolder
from lightning_gans.runs.json_lines import OnDamage, read_lines
from lightning_gans.runs.metrics_log import read_metrics_log
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.runs.settings import Settings, describe_start

MAX_GRIDS = 24
"""Largest number of grids in a timeline."""
MAX_GRIDS_ON_PAGE = 144
"""Largest number of grids on a page of many runs with one timeline each; but a timeline has at least four."""

MAX_VALUE = 1e100
"""Matplotlib fails to put ticks on an axis with larger values."""

ANALYSIS_PICTURES = {
    "neighbors.png": "samples and their nearest training images",
    "interpolation.png": "interpolations",
    "directions.png": "a sample moved along the directions in which images change most",
    "mixing.png": "images at the left with coarse styles of those above",
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
        fit: when and where the run was trained; None if that is not recorded.
        log: columns of the log.
        in_wandb: whether the run was logged to W&B.
        timelines: grids of validations.
        tests: the newest test's grid, for each domain.
        analysis: pictures of the analysis of the trained model, each after its caption.
        reached: the largest epoch and the largest step in any of these files; None if there is none.
        started: when the training started; when the first config was written if that is not recorded.
        written: when the newest file was written.
        skipped: a sentence about each damaged part of a file, which the report leaves out.
    """

    folder: Path
    name: str
    settings: Settings
    config: tuple[str, str]
    rows: list[ScoreRow]
    warnings: list[dict[str, Any]]
    results: dict[str, Any] | None
    fit: dict[str, Any] | None
    log: dict[str, Series]
    in_wandb: bool
    timelines: list[Timeline]
    tests: list[Timeline]
    analysis: list[tuple[str, Picture]]
    reached: tuple[int | None, int | None]
    started: datetime
    written: datetime
    skipped: list[str]

    @property
    def variant(self) -> str:
        """Class name of the model."""
        return str(self.settings["model.class_path"]).rpartition(".")[2]

    @property
    def seed(self) -> str:
        """As in the config."""
        return str(self.settings.get("seed_everything", "not set"))

    @property
    def data(self) -> str:
        """The data set: class name, and the folder or the name of the set if there is one; empty if not known."""
        name = str(self.settings.get("data.class_path") or "").rpartition(".")[2].removesuffix("DataModule")
        given = [self.settings.get(f"data.init_args.{key}") for key in ("dataset", "root")]
        return ", ".join([name, *map(str, filter(None, given))]) if name else ""

    @property
    def device(self) -> str:
        """The device that the run was trained on, else that of its newest scores; empty if neither is recorded."""
        if self.fit is None:
            return self.rows[-1].stamp.device if self.rows else ""
        machine = self.fit["machine"]
        name = str(machine.get("device_name") or machine.get("device") or "")
        processes = self.fit.get("processes")
        return f"{processes} x {name}" if isinstance(processes, int) and processes > 1 else name

    @property
    def started_from(self) -> str:
        """The trained model whose weights the run started from, with their hashes; empty if there is none."""
        return describe_start((self.fit or {}).get("started_from"))

    @property
    def train_seconds(self) -> Any:
        """Seconds of training, validations included; of the tested checkpoint if ``fit`` has not recorded them."""
        return (self.fit or self.results or {}).get("train_seconds")

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
    skipped: list[str] = []
    rows = folder.read_scores(skipped.append)
    grids = folder.grids()
    log = read_curves(folder, skipped.append)
    fit = read_facts(folder.fit_facts, "facts of a fit", skipped.append)
    steps = [grid.step for grid in grids] + [row.step for row in rows if row.step is not None]
    tested = next((row.step for row in reversed(rows) if row.split == "test"), None)
    # The step at which a score is logged need not be one of training.
    steps += [int(series.steps[-1]) for name, series in log.items() if not name.startswith(("val/", "test/"))]
    epochs = [grid.epoch for grid in grids] + [row.epoch for row in rows if row.epoch is not None]
    return RunReport(
        folder=folder.path,
        name=name,
        settings=settings,
        config=(folder.config.name, folder.config.read_text(encoding="utf-8")),
        rows=rows,
        warnings=read_warnings(folder.watchdog, skipped.append),
        results=read_facts(folder.results, "results", skipped.append),
        fit=fit,
        log=log,
        in_wandb=folder.wandb_runs.exists(),
        timelines=select_timelines(grids, max_grids, skipped.append),
        tests=newest_test_grids(grids, tested, skipped.append),
        analysis=read_analysis(folder, skipped.append),
        reached=(max(epochs, default=None), max(steps, default=None)),
        started=parse_time((fit or {}).get("started")) or modification_time(folder.first_config),
        written=max(modification_time(path) for pattern in RUN_FILES for path in folder.path.glob(pattern)),
        skipped=skipped,
    )


def read_analysis(folder: RunFolder, on_damage: OnDamage) -> list[tuple[str, Picture]]:
    """The pictures of the analysis, each after its caption, except those that cannot be read."""
    found = []
    for file, caption in ANALYSIS_PICTURES.items():
        if (path := folder.analysis / file).exists():
            try:
                found.append((caption, read_picture(path)))
            except InputError as error:
                on_damage(str(error))
    return found


def modification_time(path: Path) -> datetime:
    """When a file was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def parse_time(text: Any) -> datetime | None:
    """The time in a JSON file; None if it is none, or none with a time zone."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def read_curves(folder: RunFolder, on_damage: OnDamage) -> dict[str, Series]:
    """The columns of a run's CSV log, else the scalars that it logged to TensorBoard.

    Args:
        folder: of the run.
        on_damage: is told of each line that is no whole row, and of a file that cannot be read.
    """
    path = folder.metrics
    if not path.exists():
        try:
            return drop_undrawable(read_event_log(folder.path))
        except InputError as error:
            on_damage(str(error))
            return {}
    try:
        damage = read_metrics_log(path).describe_damage(path)
    except OSError as error:
        damage = [f"{path} cannot be read ({os_reason(error)})"]
    for sentence in damage:
        on_damage(sentence)
    return drop_undrawable(read_log(path))


def drop_undrawable(log: dict[str, Series]) -> dict[str, Series]:
    """A log without values that cannot be drawn; they are far beyond those of 32-bit floats."""
    kept = {
        name: [(step, value) for step, value in zip(*series, strict=True) if abs(value) < MAX_VALUE]
        for name, series in log.items()
    }
    return {name: Series([step for step, _ in row], [value for _, value in row]) for name, row in kept.items() if row}


def read_warnings(path: Path, on_damage: OnDamage) -> list[dict[str, Any]]:
    """The warnings of the watchdog, except lines that are none."""
    found = []
    for index, line in read_lines(path, on_damage):
        row = parse_json(line)
        if not isinstance(row, dict) or "symptom" not in row or not isinstance(row.get("evidence", {}), dict):
            on_damage(f"{path}, line {index}, is not a warning of the watchdog")
        else:
            found.append(row)
    return found


def read_facts(path: Path, what: str, on_damage: OnDamage) -> dict[str, Any] | None:
    """The facts about a fit or a test; None if there are none, or they are not JSON with versions and machine."""
    try:
        content = parse_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        on_damage(f"{path} cannot be read ({os_reason(error)})")
        return None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("versions", "machine")):
        on_damage(f"{path} holds no {what} (JSON with versions and machine)")
        return None
    return content


def parse_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8; None if it is none."""
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
