"""The table of scores at the end of a command."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Literal

from lightning_gans.reporting.table import format_number
from lightning_gans.runs.scores import (
    BETTER,
    PER_CLASS_SCORE,
    ScoreRow,
    best_row,
    by_step,
    comparable_rows,
    order_scores,
)

WORDS = {"min": "lower", "max": "higher", None: ""}
"""Which values are better."""

UNKNOWN = "not known"
"""In place of what rows of earlier versions do not say."""


def score_table(
    rows: Sequence[ScoreRow],
    history: Sequence[ScoreRow],
    headline: str = "",
    mode: Literal["min", "max"] | None = None,
) -> str:
    """Scores as an aligned table with the stamp below it.

    A line is a score: its value in each domain, and which values are better. The first one is the headline, with its
    best value so far. Scores of single classes are left out.

    Args:
        rows: the scores, one row for each domain, all of one split.
        history: all scores of the run, oldest first.
        headline: the score that matters most, such as ``val/fid`` or ``val/b/miou``, of whichever split; the most
            informative one if there is none of this name.
        mode: whether less or more of the headline is better; by default as in :data:`.BETTER`.
    """
    full, main = ordered_names(rows), headline_of(rows, headline)
    directions = dict(BETTER)
    if mode is not None and main.partition("/")[2] == headline.partition("/")[2]:
        directions[main.rpartition("/")[2]] = mode
    names = list(dict.fromkeys(name.rpartition("/")[2] for name in [main, *full]))
    values = [{name.rpartition("/")[2]: value for name, value in row.scores.items()} for row in rows]
    lines = [[rows[0].split, *(row.domain or "score" for row in rows), "better"]]
    for name in names:
        numbers = [format_number(each[name]) if name in each else "" for each in values]
        lines.append([name, *numbers, WORDS[directions.get(name)]])
    if first := directions.get(names[0]):
        lines[1][-1] += describe_best(history, main, first, several=len(rows) > 1)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join([*(aligned(line, widths) for line in lines), *stamp_lines(rows)])


def ordered_names(rows: Sequence[ScoreRow]) -> list[str]:
    """Names of the scores, the most informative first, without those of single classes."""
    fewest = min(row.stamp.images for row in rows)
    return order_scores((name for row in rows for name in row.scores if not PER_CLASS_SCORE.search(name)), fewest)


def headline_of(rows: Sequence[ScoreRow], headline: str) -> str:
    """The score of that name in the split of ``rows``; the most informative one if there is none."""
    full, main = ordered_names(rows), f"{rows[0].split}/{headline.partition('/')[2]}"
    return main if main in full else full[0]


def curve_table(rows: Sequence[ScoreRow], history: Sequence[ScoreRow], headline: str = "") -> str:
    """The headline of each checkpoint that was scored as ``rows`` were, with its step, images and minutes of training.

    Args:
        rows: the newest scores, one row for each domain.
        history: all scores of the run, oldest first.
        headline: see :func:`score_table`.
    """
    main = headline_of(rows, headline)
    lines = [["step", "images", "minutes", main]]
    for row in by_step(comparable_rows(history, main)):
        images = UNKNOWN if row.images_seen is None else f"{row.images_seen:,}"
        minutes = UNKNOWN if row.minutes is None else format_number(row.minutes)
        lines.append([f"{row.step:,}", images, minutes, format_number(row.scores[main])])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """A line of the table: the score's name, numbers that end in one column, and text."""
    numbers = (cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True))
    return "  ".join([line[0].ljust(widths[0]), *numbers, line[-1]]).rstrip()


def describe_best(history: Sequence[ScoreRow], name: str, mode: Literal["min", "max"], several: bool) -> str:
    """The best value of a score so far, with its epoch, and its domain if there are several; nothing for one value."""
    if sum(name in row.scores for row in history) < 2 or (row := best_row(history, name, mode)) is None:
        return ""
    domain = f"{row.domain} ".lstrip() if several else ""
    epoch = f" of epoch {row.epoch}" if row.epoch else ""
    return f", best {domain}{format_number(row.scores[name])}{epoch}"


def stamp_lines(rows: Sequence[ScoreRow]) -> list[str]:
    """The stamp, or one for each domain if they differ, in lines that fit a terminal; whole ones in a log."""
    stamps = {str(row.stamp): row.domain for row in rows}
    lines = [f"{domain}: [{stamp}]" if domain and len(stamps) > 1 else f"[{stamp}]" for stamp, domain in stamps.items()]
    if not sys.stdout.isatty():
        return lines
    width = shutil.get_terminal_size().columns
    return [
        part for line in lines for part in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    ]
