"""What a study records of its runs, and what further runs will probably take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from lightning_gans.runs.json_lines import append_line, read_lines
from lightning_gans.studies.cells import Cell, Setting, settings_of
from lightning_gans.studies.study import Study

RECORDS = "cells.jsonl"
"""File of a study's folder with a line for each attempt at a run."""

State = Literal["complete", "failed", "interrupted"]


@dataclass(frozen=True)
class Record:
    """An attempt at a run: its ``fit`` and, if that has ended, its ``test``.

    Attributes:
        cell: name of the run.
        recipe: hash of the arguments that define the method, see :func:`recipe_hash`.
        state: "failed" if a command has ended with an error, "interrupted" if it was ended by a signal.
        steps: of the whole run.
        seconds: from the start of the first command to the end of the last one.
        core_seconds: CPU time of both commands.
        peak_mib: the most memory that one of them has had, in MiB.
        threads: number of threads of each.
        error: the last line of the errors of a run that failed, else None.
    """

    cell: str
    recipe: str
    state: State
    steps: int
    seconds: float
    core_seconds: float
    peak_mib: float
    threads: int
    error: str | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """From plain data; the inverse of ``asdict``.

        Raises:
            KeyError: if a value is missing.
            ValueError: if a number is none.
        """
        numbers = {name: float(values[name]) for name in ("seconds", "core_seconds", "peak_mib")}
        counts = {name: int(values[name]) for name in ("steps", "threads")}
        if values["state"] not in ("complete", "failed", "interrupted"):
            raise ValueError(f"state is {values['state']}; expected complete, failed or interrupted")
        texts = {name: str(values[name]) for name in ("cell", "recipe")}
        error = None if values.get("error") is None else str(values["error"])
        return cls(**texts, **numbers, **counts, state=values["state"], error=error)  # type: ignore[arg-type]


OF_THE_MACHINE = ("--data.root", "--data.num_workers", "--data.download", "--data.cache_dir")
"""Arguments that change no result."""


def recipe_hash(arguments: Iterable[str]) -> str:
    """A text that is equal for equal arguments of a method, without its seed, budget and what is of the machine."""
    kept, is_value = [], False
    for argument in arguments:
        option, equals, _ = argument.replace(".init_args", "").partition("=")
        if option in OF_THE_MACHINE:
            is_value = not equals
        elif is_value and not argument.startswith("--"):
            is_value = False
        else:
            kept.append(argument)
            is_value = False
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def add_record(folder: Path, record: Record) -> None:
    """Record an attempt."""
    append_line(folder / RECORDS, asdict(record))


def read_records(folder: Path) -> list[Record]:
    """The attempts at runs of a study, oldest first; lines that are none are left out."""
    found = []
    for _, line in read_lines(folder / RECORDS):
        try:
            found.append(Record.from_dict(json.loads(line.decode())))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def failures(records: Iterable[Record]) -> dict[str, str]:
    """The last error of each run whose last attempt failed, by the run's name."""
    newest = {record.cell: record for record in records}
    return {name: record.error or "it failed" for name, record in newest.items() if record.state == "failed"}


@dataclass(frozen=True)
class Cost:
    """What runs of a recipe have taken.

    Attributes:
        seconds: of a step, with start, validations and test.
        peak_mib: memory, in MiB.
        runs: number of runs that it is measured on.
    """

    seconds: float
    peak_mib: float
    runs: int


def measured_costs(records: Iterable[Record]) -> dict[str, Cost]:
    """The median costs of runs that are complete, by recipe; the attempts at one run are added."""
    attempts: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        attempts.setdefault((record.recipe, record.cell), []).append(record)
    by_recipe: dict[str, list[list[Record]]] = {}
    for (recipe, _), parts in attempts.items():
        if parts[-1].state == "complete":
            by_recipe.setdefault(recipe, []).append(parts)
    return {
        recipe: Cost(
            median(sum(part.seconds for part in parts) / max(1, parts[-1].steps) for parts in runs),
            max(part.peak_mib for parts in runs for part in parts),
            len(runs),
        )
        for recipe, runs in by_recipe.items()
    }


class Estimates:
    """What runs will probably take, from the records of runs of the same recipe in this and other studies.

    Args:
        study: the study.
        extra: arguments of the user, which belong to the recipe.
        records: of this study and of others.
    """

    def __init__(self, study: Study, extra: list[str], records: Iterable[Record]) -> None:
        self.study, self.extra = study, extra
        self.costs = measured_costs(records)

    def of(self, setting: Setting) -> Cost | None:
        """The cost of a setting: its own, else the median of the other settings of its method; None if not known."""
        own = self._of_recipe(setting)
        if own is not None or setting.number is None:
            return own
        others = settings_of(self.study, setting.data, setting.method)
        known = [cost for each in others if (cost := self._of_recipe(each)) is not None]
        if not known:
            return None
        seconds, memory = median(each.seconds for each in known), max(each.peak_mib for each in known)
        return Cost(seconds, memory, sum(each.runs for each in known))

    def _of_recipe(self, setting: Setting) -> Cost | None:
        return self.costs.get(recipe_hash(setting.arguments(self.study, self.extra)))

    def describe(self, cell: Cell, steps: int | None) -> tuple[str, float | None]:
        """The cost of a run in words, and its seconds, which are None if they are not known."""
        cost = self.of(cell.setting)
        if cost is None or steps is None:
            return "unknown until the first cell has run", None
        runs = f"{cost.runs} run{'' if cost.runs == 1 else 's'}"
        seconds = cost.seconds * steps
        return f"{seconds / 60:.1f} min, {cost.peak_mib:,.0f} MiB, from {runs} of this config", seconds
