"""Scores over the minutes and the images of training, and the best ones after equal times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lightning_gans.reporting.budget import best_within, deciding_score, longest_minutes
from lightning_gans.reporting.html.plots import RUNS, Plot, describe_lines, draw_svg
from lightning_gans.reporting.html.run_report import MAX_VALUE
from lightning_gans.reporting.html.score_groups import ScoreGroup
from lightning_gans.reporting.table import format_number
from lightning_gans.runs.curves import SCORES, Line, Panel, Series
from lightning_gans.runs.scores import PER_CLASS_SCORE, ScoreRow, better, by_step, comparable_rows

MOST_SCORES = 8
"""Largest number of scores of a group that are drawn, and that the table of equal times has."""

SAME_SHAPE = "relative_fid"
"""Not drawn, since its curve is that of FID on another scale."""


LARGEST_PLACE = 1e15
"""Bound of the minutes and images that are drawn."""


class Axis(NamedTuple):
    """What scores are drawn over.

    Attributes:
        unit: of the values.
        value: of a row; None if it is not known.
    """

    unit: str
    value: Callable[[ScoreRow], float | None]


AXES = (Axis("minutes", lambda row: row.minutes), Axis("images", lambda row: row.images_seen))


class Best(NamedTuple):
    """The best measurement of a run within a time, as text.

    Attributes:
        minutes: after which it was made.
        step: of the checkpoint.
        scores: by name without the split.
    """

    minutes: str
    step: str
    scores: dict[str, str]


@dataclass(frozen=True)
class EqualTimes:
    """The best measurements of several runs within the time of the one that trained the shortest.

    Attributes:
        minutes: that time, in words.
        decides: name of the score by which they are the best.
        names: of the scores that are shown.
        rows: by the index of the run on the page.
    """

    minutes: str
    decides: str
    names: list[str]
    rows: dict[int, Best]


@dataclass(frozen=True)
class OverTime:
    """Scores of one split and stamp over the training.

    Attributes:
        group: the scores.
        plots: over minutes and over images, for each score; the most informative one first.
        equal: None if fewer than two runs have known times.
        unknown: names of the runs whose scores have neither.
    """

    group: ScoreGroup
    plots: list[list[Plot]]
    equal: EqualTimes | None
    unknown: list[str]


def scores_over_time(groups: Sequence[ScoreGroup], names: Sequence[str]) -> list[OverTime]:
    """The groups of which some run was measured at several times, with their plots.

    Args:
        groups: scores by split and stamp.
        names: of all runs on the page.
    """
    found = []
    for group in groups:
        drawn = [plots for score in scores_to_draw(group) if (plots := plot_score(group, score, names))]
        if drawn:
            unknown = [names[index] for index, rows in group.measured.items() if not any(map(has_time, rows))]
            found.append(OverTime(group, drawn, equal_times(group), unknown))
    return found


def has_time(row: ScoreRow) -> bool:
    """Whether the time or the images of a row are known."""
    return any(axis.value(row) is not None for axis in AXES)


def scores_to_draw(group: ScoreGroup) -> list[str]:
    """Names of the scores that are drawn, the most informative first."""
    drawn = [name for name in group.names if better(name) and not PER_CLASS_SCORE.search(name)]
    return [name for name in drawn if name.rpartition("/")[2] != SAME_SHAPE][:MOST_SCORES]


def plot_score(group: ScoreGroup, score: str, names: Sequence[str]) -> list[Plot]:
    """A score over minutes and over images, a line for each run; nothing over what is not known of several rows."""
    found = []
    short = score.rpartition("/")[2]
    panel = Panel(score, log=any(short in each and panel.log for each, panel in SCORES.items()), better=better(short))
    for axis in AXES:
        columns: dict[str, Series] = {}
        lines = []
        for index, rows in group.measured.items():
            measured = by_step(comparable_rows(rows, f"{group.split}/{score}"))
            values = [(axis.value(row), row.short_scores[score]) for row in measured]
            points = [(x, y) for x, y in values if x is not None and x < LARGEST_PLACE and abs(y) < MAX_VALUE]
            if points:
                key = f"{index} {score}"
                columns[key] = Series([x for x, _ in sorted(points)], [y for _, y in sorted(points)])
                lines.append(Line(key, names[index], str(index // len(RUNS)), RUNS[index % len(RUNS)]))
        if any(len(series.steps) > 1 for series in columns.values()):
            over = panel._replace(title=f"{score} over {axis.unit}", lines=tuple(lines))
            text = f"{over.title}: {describe_lines(over, columns, axis.unit)}"
            found.append(Plot(f"{panel.heading} over {axis.unit}", draw_svg(over, columns, text, False, axis.unit)))
    return found


def equal_times(group: ScoreGroup) -> EqualTimes | None:
    """The best measurements within the time of the run that trained the shortest; None for fewer than two runs."""
    longest = {index: longest_minutes(rows, group.split) for index, rows in group.measured.items()}
    known = {index: minutes for index, minutes in longest.items() if minutes is not None}
    decides = deciding_score([row for index in known for row in group.measured[index]])
    if len(known) < 2 or decides is None:
        return None
    limit, rows = min(known.values()), {}
    for index in known:
        best = best_within(group.measured[index], group.split, limit, [decides])
        if best:
            scores = {name: format_number(value) for row in best for name, value in row.short_scores.items()}
            rows[index] = Best(format_number(best[0].minutes or 0.0), f"{best[0].step:,}", scores)
    names = dict.fromkeys([decides, *group.summary_scores])
    shown = [name for name in names if any(name in row.scores for row in rows.values())]
    return EqualTimes(format_number(limit), decides, shown[:MOST_SCORES], rows)
