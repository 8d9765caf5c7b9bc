"""Rows of the table: runs of one recipe that differ only in the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from statistics import median
from typing import Any, NamedTuple

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.runs import Run
from lightning_gans.runs.scores import Stamp

DASH = "\N{EN DASH}"


class ScoreRange(NamedTuple):
    """A score over several seeds."""

    median: float
    minimum: float
    maximum: float
    seeds: int

    def __str__(self) -> str:
        if self.seeds == 1:
            return format_number(self.median)
        return f"{format_number(self.median)} ({format_number(self.minimum)}{DASH}{format_number(self.maximum)})"


@dataclass(frozen=True)
class Row:
    """Runs of one recipe that differ only in the seed."""

    runs: list[Run]

    @property
    def facts(self) -> dict[str, Any]:
        """The columns before the scores, by name.

        Epochs are those of the config, since the best checkpoint may be of another epoch for each seed; 0 if the model
        was measured before its first step.
        """
        settings = self.runs[0].settings
        return {
            "run": self.runs[0].label,
            "variant": str(settings["model.class_path"]).rpartition(".")[2],
            "seeds": len(self.runs),
            "epochs": parse_limit(settings.get("trainer.max_epochs")) if any(run.trained for run in self.runs) else 0,
            "max_steps": parse_limit(settings.get("trainer.max_steps")),
        }

    def score_range(self, score: str) -> ScoreRange | None:
        """A score over the seeds; None unless every seed has it."""
        values = [run.scores[score] for run in self.runs if score in run.scores]
        if len(values) < len(self.runs):
            return None
        if any(map(isnan, values)):  # cannot be sorted
            return ScoreRange(nan, nan, nan, len(values))
        return ScoreRange(median(values), min(values), max(values), len(values))


def group_runs(runs: list[Run]) -> list[Row]:
    """Group runs by name, a row for each.

    Raises:
        InputError: if runs of one name differ in more than the seed, or stamps differ.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    for members in groups.values():
        for run in members[1:]:
            check_recipe(members[0], run)
    check_stamps(runs)
    for members in groups.values():
        check_seeds(members)
    return [Row(members) for members in groups.values()]


def check_recipe(first: Run, other: Run) -> None:
    """Refuse to take runs of two recipes for seeds of one.

    Raises:
        InputError: if a setting differs.
    """
    if difference := first_difference(first.recipe, other.recipe):
        key, one, two = difference
        raise InputError(
            f"{key} is {one} in {first.folder} but {two} in {other.folder}; "
            f"expected runs in {first.label} to differ in nothing but the seed"
        )


def check_stamps(runs: list[Run]) -> None:
    """Refuse scores that cannot be compared.

    Raises:
        InputError: if two stamps differ in more than the seed.
    """
    seen: dict[str, tuple[Run, Stamp]] = {}
    for run in runs:
        for domain, stamp in run.stamps.items():
            first, known = seen.setdefault(domain, (run, stamp))
            if difference := first_difference(known.protocol, stamp.protocol):
                field, one, two = difference
                raise InputError(
                    f"stamp.{field} is {one} in {first.folder} but {two} in {run.folder}; "
                    "expected equal stamps in one table, other than the seed"
                )


def first_difference(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The first key whose values differ, with both values as text; None if there is none.

    A missing key equals null: an older file lacks the keys that were added since.
    """
    for key in {**one, **two}:
        if one.get(key) != two.get(key):
            return key, format_setting(one.get(key)), format_setting(two.get(key))
    return None


def check_seeds(runs: list[Run]) -> None:
    """Refuse to count one seed twice.

    Raises:
        InputError: if two runs have the same seed.
    """
    seen: dict[int, Run] = {}
    for run in runs:
        first = seen.setdefault(run.seed, run)
        if first is not run:
            raise InputError(
                f"seed_everything is {run.seed} in {first.folder} and in {run.folder}; expected each seed once"
            )


def format_setting(value: Any) -> str:
    """A setting as its config has it."""
    return "null" if value is None else str(value)


def format_number(value: float) -> str:
    """A number with four significant digits, but whole numbers below a million in full."""
    short = f"{value:.4g}"
    if not abs(value) < 1e6:
        return short
    if value == int(value):
        return str(int(value))
    return f"{float(short):.0f}" if "e+" in short else short


def parse_limit(value: Any) -> int | None:
    """A limit of the trainer; None for -1, which means no limit."""
    return value if isinstance(value, int) and value >= 0 else None
