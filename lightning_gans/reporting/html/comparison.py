"""Runs beside each other: scores that compare, and settings that differ."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from lightning_gans.reporting.html.contents import Contents
from lightning_gans.reporting.rows import plain, shown
from lightning_gans.reporting.runs import STAMPED, on_split
from lightning_gans.reporting.text import ONE_CLASS, stamp_line
from lightning_gans.runs.score_order import FEW, order_scores

SPLITS = ("test", "val")
"""In the order of the page."""

WHERE = ("trainer.logger.", "ckpt_path")
"""Settings that say where a run writes and what it resumes from, and so are different in any two runs."""


class Measurement(NamedTuple):
    """A row of ``scores.jsonl``.

    Attributes:
        epoch: of the checkpoint, as text; a dash where the row does not say.
        step: as ``epoch``.
        scores: by name without the split, as text.
    """

    epoch: str
    step: str
    scores: dict[str, str]


@dataclass(frozen=True)
class Measured:
    """Rows that were measured in one way: only these stand in one table.

    Attributes:
        split: ``test`` or ``val``; empty where a row has scores of several.
        stamp: how, in words, with the seeds of all rows.
        names: of scores, the most telling first.
        rows: at least one for each run that has any, newest first, by the run's place on the page.
    """

    split: str
    stamp: str
    names: list[str]
    rows: dict[int, list[Measurement]]

    @property
    def headline(self) -> list[str]:
        """The names without those of single classes."""
        return [name for name in self.names if not ONE_CLASS.search(name)]


def measured(runs: Iterable[tuple[int, Contents]]) -> list[Measured]:
    """The rows of runs by how they were measured: tests first, and what has many scores before what has few."""
    groups: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for place, run in runs:
        for row in reversed(run.rows):
            groups.setdefault((split_of(row), way(row)), []).append((place, row))
    found = [as_measured(rows) for rows in groups.values()]
    return sorted(found, key=lambda group: ((*SPLITS, "").index(group.split), -len(group.names)))


def split_of(row: dict[str, Any]) -> str:
    """The split that a row's names begin with."""
    return next((split for split in SPLITS if on_split(row, split)), "")


def way(row: dict[str, Any]) -> str:
    """How a row was measured: two rows compare if this is equal. A seed is not part of it."""
    return json.dumps({key: value for key, value in row["stamp"].items() if key != "seed"}, sort_keys=True)


def as_measured(found: list[tuple[int, dict[str, Any]]]) -> Measured:
    """Rows of one split and stamp."""
    first = found[0][1]
    split, stamp = split_of(first), first["stamp"]
    rows: dict[int, list[Measurement]] = {}
    for place, row in found:
        scores = {name.removeprefix(f"{split}/"): shown(value) for name, value in row["scores"].items()}
        add(rows.setdefault(place, []), Measurement(count(row.get("epoch")), count(row.get("step")), scores))
    names = dict.fromkeys(name for listed in rows.values() for row in listed for name in row.scores)
    seeds = sorted({str(row["stamp"]["seed"]) for _, row in found}, key=lambda seed: (len(seed), seed))
    images = [stamp[side] for side in ("real", "fake") if isinstance(stamp[side], int)]
    line = stamp_line(stamp, seeds)
    # Fields that a later version has added.
    line += "".join(f" | {key} {plain(value)}" for key, value in stamp.items() if key not in STAMPED)
    few = min(images, default=FEW) if any(name.rpartition("/")[2] == "fid" for name in names) else FEW
    return Measured(split, line, order_scores(list(names), few), rows)


def add(rows: list[Measurement], row: Measurement) -> None:
    """Add an older row, into the last one where they are domains of one evaluation."""
    last = rows[-1] if rows else None
    if last and last[:2] == row[:2] and not last.scores.keys() & row.scores.keys():
        rows[-1] = last._replace(scores=row.scores | last.scores)
    else:
        rows.append(row)


def count(value: Any) -> str:
    """An epoch or a step."""
    return f"{value:,}" if isinstance(value, int) else "\N{EN DASH}"


def differing(runs: list[Contents]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, in the order of the configs, with each run's value."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if not key.startswith(WHERE))
    # A key that is not there is as good as null: an older config lacks what was added since.
    rows = [(key, [as_yaml(run.settings.get(key)) for run in runs]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def as_yaml(value: Any) -> str:
    """A setting as its config has it."""
    return str(value).lower() if isinstance(value, bool) else plain(value)
