"""Comparison of runs: scores with equal stamps, and settings that differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from lightning_gans.reporting.html.run_report import RunReport
from lightning_gans.reporting.table import DASH, format_number, format_setting
from lightning_gans.runs.scores import MIN_IMAGES_FOR_FID, PER_CLASS_SCORE, SPLITS, ScoreRow, order_scores

EXCLUDED = ("trainer.logger.", "ckpt_path")
"""Settings that differ between any two runs: where a run writes, and what it resumes from."""


class Measurement(NamedTuple):
    """A row of scores, as text.

    Attributes:
        epoch: of the checkpoint; a dash if it is not recorded.
        step: of the checkpoint; a dash if it is not recorded.
        scores: by name without the split.
    """

    epoch: str
    step: str
    scores: dict[str, str]


@dataclass(frozen=True)
class ScoreGroup:
    """Rows of scores with equal stamps. Only these share a table.

    Attributes:
        split: "test" or "val"; empty for rows with scores of several splits.
        stamp: in words, with the seeds of all rows.
        names: of scores, the most informative first.
        rows: newest first, by the index of their run on the page; runs without such rows are left out.
    """

    split: str
    stamp: str
    names: list[str]
    rows: dict[int, list[Measurement]]

    @property
    def summary_scores(self) -> list[str]:
        """The names without scores of single classes."""
        return [name for name in self.names if not PER_CLASS_SCORE.search(name)]


def group_scores(runs: Iterable[tuple[int, RunReport]]) -> list[ScoreGroup]:
    """Group rows of scores by split and stamp: tests first, and groups of many scores before those of few.

    Args:
        runs: each with its index on the page.
    """
    groups: dict[tuple[str, str], list[tuple[int, ScoreRow]]] = {}
    for index, run in runs:
        for row in reversed(run.rows):
            groups.setdefault((row.split, row.stamp.key), []).append((index, row))
    found = [_make_group(rows) for rows in groups.values()]
    return sorted(found, key=lambda group: ((*SPLITS, "").index(group.split), -len(group.names)))


def _make_group(rows: list[tuple[int, ScoreRow]]) -> ScoreGroup:
    """A group of rows of one split and stamp, each with the index of its run."""
    measurements: dict[int, list[Measurement]] = {}
    for index, row in rows:
        scores = {name: format_number(value) for name, value in row.short_scores.items()}
        _add_older(measurements.setdefault(index, []), Measurement(_count(row.epoch), _count(row.step), scores))
    names = dict.fromkeys(name for listed in measurements.values() for row in listed for name in row.scores)
    stamp = rows[0][1].stamp
    seeds = sorted({row.stamp.seed for _, row in rows})
    compares_sets = any(name.rpartition("/")[2] == "fid" for name in names)
    images = stamp.images if compares_sets else MIN_IMAGES_FOR_FID
    return ScoreGroup(rows[0][1].split, stamp.describe(seeds), order_scores(names, images), measurements)


def _add_older(rows: list[Measurement], row: Measurement) -> None:
    """Add an older row, merged into the last one if both are domains of one evaluation."""
    last = rows[-1] if rows else None
    if last and last[:2] == row[:2] and not last.scores.keys() & row.scores.keys():
        rows[-1] = last._replace(scores=row.scores | last.scores)
    else:
        rows.append(row)


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def differing_settings(runs: list[RunReport]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, in the order of the configs, with each run's value."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if not key.startswith(EXCLUDED))
    # A missing key equals null: an older config lacks the keys that were added since.
    rows = [(key, [_as_yaml(run.settings.get(key)) for run in runs]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else format_setting(value)
