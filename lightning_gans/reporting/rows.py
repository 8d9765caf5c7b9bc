"""Rows of a table: runs of one recipe that differ in the seed, all measured in one way."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from statistics import median
from typing import Any, NamedTuple

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.runs import Run

DASH = "\N{EN DASH}"


class Spread(NamedTuple):
    """A score over seeds."""

    median: float
    least: float
    most: float
    seeds: int

    def __str__(self) -> str:
        if self.seeds == 1:
            return shown(self.median)
        return f"{shown(self.median)} ({shown(self.least)}{DASH}{shown(self.most)})"


@dataclass(frozen=True)
class Row:
    """Runs of one recipe that differ in the seed."""

    runs: list[Run]

    @property
    def facts(self) -> dict[str, Any]:
        """What the row is, in the order of its columns.

        Epochs are those asked for: the best checkpoint may stem from another one in each seed. A model that was
        measured before its first step has seen none, whatever its config asks for.
        """
        settings = self.runs[0].settings
        return {
            "run": self.runs[0].label,
            "variant": str(settings["model.class_path"]).rpartition(".")[2],
            "seeds": len(self.runs),
            "epochs": limit(settings.get("trainer.max_epochs")) if any(run.trained for run in self.runs) else 0,
            "max_steps": limit(settings.get("trainer.max_steps")),
        }

    def spread(self, score: str) -> Spread | None:
        """A score over the seeds; None unless every seed has it, for a row promises them all."""
        values = [run.scores[score] for run in self.runs if score in run.scores]
        if len(values) < len(self.runs):
            return None
        if any(map(isnan, values)):  # has no place in an order
            return Spread(nan, nan, nan, len(values))
        return Spread(median(values), min(values), max(values), len(values))


def rows_of(runs: list[Run]) -> list[Row]:
    """The runs, those of one name in one row.

    Raises:
        InputError: if runs of one name are not seeds of one recipe, or any two were measured differently.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    for members in groups.values():
        for run in members[1:]:
            same_recipe(members[0], run)
    same_stamps(runs)
    for members in groups.values():
        different_seeds(members)
    return [Row(members) for members in groups.values()]


def same_recipe(first: Run, other: Run) -> None:
    """Refuse to take two recipes for seeds of one."""
    # A key that is not there is as good as null: an older config lacks what was added since.
    for key in first.recipe | other.recipe:
        one, two = first.recipe.get(key), other.recipe.get(key)
        if one != two:
            raise InputError(
                f"{key} is {plain(one)} in {first.folder} but {plain(two)} in {other.folder}; "
                f"expected runs in {first.label} to differ in nothing but the seed"
            )


def same_stamps(runs: list[Run]) -> None:
    """Refuse scores that do not compare."""
    seen: dict[str, tuple[Run, dict[str, Any]]] = {}
    for run in runs:
        for domain, stamp in run.stamps.items():
            first, known = seen.setdefault(domain, (run, stamp))
            for field in known | stamp:
                one, two = known.get(field), stamp.get(field)
                if field != "seed" and one != two:
                    raise InputError(
                        f"stamp.{field} is {plain(one)} in {first.folder} but {plain(two)} in {run.folder}; "
                        "expected equal stamps in one table, other than the seed"
                    )


def different_seeds(runs: list[Run]) -> None:
    """Refuse to count one seed twice."""
    seen: dict[int, Run] = {}
    for run in runs:
        first = seen.setdefault(run.seed, run)
        if first is not run:
            raise InputError(
                f"seed_everything is {run.seed} in {first.folder} and in {run.folder}; expected each seed once"
            )


def plain(value: Any) -> str:
    """A setting as in a config."""
    return "null" if value is None else str(value)


def shown(value: float) -> str:
    """A score in four digits at most, but whole numbers whole; powers of ten only for the very large and small."""
    short = f"{value:.4g}"
    if not abs(value) < 1e6:
        return short
    if value == int(value):
        return str(int(value))
    return f"{float(short):.0f}" if "e+" in short else short


def limit(value: Any) -> int | None:
    """A limit of the trainer, where -1 stands for none."""
    return value if isinstance(value, int) and value >= 0 else None
