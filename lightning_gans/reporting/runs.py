"""Runs as the table compares them: their settings and their last scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.budget import best_within, by_extractor, timed
from lightning_gans.runs.below import scored_runs_below
from lightning_gans.runs.folder import SCORES, RunFolder
from lightning_gans.runs.json_lines import OnDamage
from lightning_gans.runs.scores import ScoreRow, Stamp
from lightning_gans.runs.settings import RECIPE_SECTIONS, TRAINER_KEYS, Settings

SUBCOMMANDS = {"test": "test", "val": "validate"}
"""The subcommand that measures the scores of each split."""

DATA = "data.init_args."
"""The start of the keys of a data module's arguments."""

MACHINE = {f"{DATA}{key}" for key in ("download", "unverified", "cache_gb", "memory_gb", "cache_dir", "num_workers")}
"""Settings that depend on the machine and change no data."""


@dataclass(frozen=True)
class Run:
    """A run and its last scores on a split.

    Attributes:
        folder: as the user gave it, for messages.
        label: name of the folder around it, which names the row of the table.
        settings: the config, each value under its dotted key.
        scores: by name without the split.
        stamps: how they were measured, by domain; "" if there is only one.
        trained: whether the model had taken a training step.
        minutes: for how long it was trained, if the scores were chosen by it; None otherwise.
    """

    folder: Path
    label: str
    settings: Settings
    scores: dict[str, float]
    stamps: dict[str, Stamp]
    trained: bool
    minutes: float | None = None

    @property
    def seed(self) -> int:
        """The run's seed, the same in all its stamps."""
        return next(iter(self.stamps.values())).seed

    def compares_sets(self, domain: str) -> bool:
        """Whether a domain's real and generated images were compared as sets, as by FID."""
        return f"{domain}/fid".lstrip("/") in self.scores

    @property
    def recipe(self) -> Settings:
        """The settings that runs of one row must share."""
        trainer = {f"trainer.{key}" for key in TRAINER_KEYS}
        # Downloaded data are the same in every folder. Without a data set's name, the folder is that of own images.
        downloaded = f"{DATA}download" in self.settings and self.settings.get(f"{DATA}dataset", "") is not None
        machine = MACHINE | ({f"{DATA}root"} if downloaded else set())
        return {
            key: value
            for key, value in self.settings.items()
            if (key.partition(".")[0] in RECIPE_SECTIONS and key not in machine) or key in trainer
        }


def find_scored_runs(folders: Iterable[Path]) -> list[RunFolder]:
    """Runs with scores in the given folders and below them, each once.

    Raises:
        InputError: if a folder does not exist or has no such run.
    """
    return unique_runs(folders, scored_runs_below, f"no {SCORES}")


def unique_runs(
    folders: Iterable[Path], runs_below: Callable[[Path], list[RunFolder]], missing: str
) -> list[RunFolder]:
    """The runs in all of the given folders, each once.

    Args:
        folders: runs' folders, or folders that contain several runs.
        runs_below: finds the runs in one of them.
        missing: what a folder without runs holds, for the message.

    Raises:
        InputError: if a folder does not exist or has no run.
    """
    found: dict[Path, RunFolder] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; expected a run's folder or one of several runs")
        runs = runs_below(folder)
        if not runs:
            raise InputError(f"{folder} holds {missing}; expected a run's folder or one of several runs")
        for run in runs:
            found.setdefault(run.path.resolve(), run)
    return list(found.values())


@dataclass(frozen=True)
class ScoreChoice:
    """Which scores of a run are shown.

    Attributes:
        split: their split.
        extractor: start of the name of their extractor, as in the stamp; "" for any.
        minutes: the best scores after at most so many minutes of training are shown; None for the last scores.
        deciding: names of scores of which the first decides what is the best; see :func:`.deciding_score`.
    """

    split: str
    extractor: str = ""
    minutes: float | None = None
    deciding: Sequence[str] = ()


def read_runs(folders: Iterable[RunFolder], choice: ScoreChoice, on_damage: OnDamage) -> list[Run]:
    """Each run's settings and the chosen scores, of the runs that have some.

    Args:
        folders: of the runs.
        choice: of the scores.
        on_damage: is told of each damaged line of scores, and of each run that is left out since it has no scores.

    Raises:
        InputError: if all runs are left out, or a config cannot be read.
    """
    found, missing = [], []
    for folder in folders:
        try:
            found.append(read_run(folder, choice, on_damage))
        except NotMeasuredError as error:
            missing.append(str(error))
    if not found:
        raise InputError(missing[0])
    for sentence in missing:
        on_damage(sentence)
    return found


class NotMeasuredError(InputError):
    """A run has no scores on a split."""


def read_run(folder: RunFolder, choice: ScoreChoice, on_damage: OnDamage) -> Run:
    """A run's settings and the chosen scores.

    Args:
        folder: of the run.
        choice: of the scores.
        on_damage: is told of each damaged line of scores.

    Raises:
        InputError: if its config cannot be read.
        NotMeasuredError: if it has no such scores.
    """
    split, minutes = choice.split, choice.minutes
    all_rows = [row for row in folder.read_scores(on_damage) if row.split == split]
    rows = by_extractor(all_rows, choice.extractor)
    if all_rows and not rows:
        known = ", ".join(sorted({row.stamp.extractor for row in all_rows}))
        raise NotMeasuredError(f"{folder} has no {split} scores of the extractor {choice.extractor}; it has {known}")
    # A row for each domain.
    last = {row.domain: row for row in rows}
    if minutes is not None and last:
        last = {row.domain: row for row in best_within(rows, split, minutes, choice.deciding)}
        if not last:
            raise NotMeasuredError(explain_no_time(folder, rows, split, minutes))
    if not last:
        command = f"lightning-gans {SUBCOMMANDS[split]} --config {folder.first_config}"
        raise NotMeasuredError(f"{folder} has no {split} scores; `{command}` measures them")
    return Run(
        folder=folder.path,
        label=folder.path.resolve().parent.name,
        settings=folder.read_settings(),
        scores={name: value for row in last.values() for name, value in row.short_scores.items()},
        stamps={domain: row.stamp for domain, row in last.items()},
        trained=any(row.step for row in last.values()),
        minutes=None if minutes is None else next(iter(last.values())).minutes,
    )


def explain_no_time(folder: RunFolder, rows: Iterable[ScoreRow], split: str, minutes: float) -> str:
    """Why a run with scores has none after at most so many minutes."""
    earliest = min((row.minutes or 0.0 for row in timed(rows, split)), default=None)
    if earliest is None:
        return f"{folder} has no {split} scores whose training time is known, as in rows of earlier versions"
    return (
        f"{folder} has no {split} scores within {minutes:.4g} minutes of training; its earliest are of {earliest:.4g}"
    )
