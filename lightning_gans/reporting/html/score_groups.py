"""Scores of several runs by split and stamp: only those with equal stamps share a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lightning_gans.reporting.html.run_report import RunReport
from lightning_gans.reporting.table import DASH, format_number
from lightning_gans.runs.scores import MIN_IMAGES_FOR_FID, PER_CLASS_SCORE, SPLITS, ScoreRow, order_scores


class Measurement(NamedTuple):
    """A row of scores, as text; a dash in place of what is not recorded.

    Attributes:
        epoch: of the checkpoint.
        step: of the checkpoint.
        images: number of training images that it has seen.
        minutes: for how long it was trained.
        scores: by name without the split.
    """

    epoch: str
    step: str
    images: str
    minutes: str
    scores: dict[str, str]


@dataclass(frozen=True)
class ScoreGroup:
    """Rows of scores with equal stamps. Only these share a table.

    Attributes:
        split: "test" or "val"; empty for rows with scores of several splits.
        stamp: parts in words, with the seeds of all rows; each with whether another group of the split that has the
            same scores differs in it.
        names: of scores, the most informative first.
        rows: newest first, by the index of their run on the page; runs without such rows are left out.
        measured: the same rows as they were read, oldest first.
    """

    split: str
    stamp: list[tuple[str, bool]]
    names: list[str]
    rows: dict[int, list[Measurement]]
    measured: dict[int, list[ScoreRow]]

    @property
    def has_times(self) -> bool:
        """Whether the images or the training time of some row are known."""
        return any({row.images, row.minutes} != {DASH} for rows in self.rows.values() for row in rows)

    @property
    def summary_scores(self) -> list[str]:
        """Names of the scores that a run's newest row has, without those of single classes."""
        newest = {name for rows in self.rows.values() for name in rows[0].scores}
        return [name for name in self.names if name in newest and not PER_CLASS_SCORE.search(name)]


def group_scores(runs: Iterable[tuple[int, RunReport]]) -> list[ScoreGroup]:
    """Group rows of scores by split and stamp: tests first, and groups of many scores before those of few.

    Args:
        runs: each with its index on the page.
    """
    groups: dict[tuple[str, str], list[tuple[int, ScoreRow]]] = {}
    for index, run in runs:
        for row in reversed(run.rows):
            groups.setdefault((row.split, row.stamp.key), []).append((index, row))
    found = [_make_group(rows, _differing_fields(rows, groups.values())) for rows in groups.values()]
    return sorted(found, key=lambda group: ((*SPLITS, "").index(group.split), -len(group.names)))


Rows = list[tuple[int, ScoreRow]]
"""Rows of scores, each with the index of its run on the page."""


def _differing_fields(rows: Rows, groups: Iterable[Rows]) -> set[str]:
    """Fields of the stamp of ``rows`` in which a group of the same split with some of the same scores differs."""
    first = rows[0][1]
    names = {name for _, row in rows for name in row.scores}
    fields: set[str] = set()
    for group in groups:
        other = group[0][1]
        if other.split == first.split and any(name in names for _, row in group for name in row.scores):
            mine, theirs = first.stamp.protocol, other.stamp.protocol
            fields |= {field for field in {*mine, *theirs} if mine.get(field) != theirs.get(field)}
    return fields


def _make_group(rows: Rows, differing: set[str]) -> ScoreGroup:
    """A group of rows of one split and stamp; the fields of the stamp that are to be marked are ``differing``."""
    measurements: dict[int, list[Measurement]] = {}
    measured: dict[int, list[ScoreRow]] = {}
    for index, row in rows:
        _add_older(measurements.setdefault(index, []), _as_text(row))
        measured.setdefault(index, []).insert(0, row)
    names = dict.fromkeys(name for listed in measurements.values() for row in listed for name in row.scores)
    stamp = rows[0][1].stamp
    seeds = sorted({row.stamp.seed for _, row in rows})
    compares_sets = any(name.rpartition("/")[2] == "fid" for name in names)
    images = stamp.images if compares_sets else MIN_IMAGES_FOR_FID
    parts = [(text, not differing.isdisjoint(fields)) for fields, text in stamp.parts(seeds)]
    return ScoreGroup(rows[0][1].split, parts, order_scores(names, images), measurements, measured)


def _as_text(row: ScoreRow) -> Measurement:
    scores = {name: format_number(value) for name, value in row.short_scores.items()}
    minutes = DASH if row.minutes is None else format_number(row.minutes)
    return Measurement(_count(row.epoch), _count(row.step), _count(row.images_seen), minutes, scores)


def _add_older(rows: list[Measurement], row: Measurement) -> None:
    """Add an older row, merged into the last one if both are domains of one evaluation."""
    last = rows[-1] if rows else None
    if last and last[:2] == row[:2] and not last.scores.keys() & row.scores.keys():
        rows[-1] = last._replace(scores=row.scores | last.scores)
    else:
        rows.append(row)


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"
