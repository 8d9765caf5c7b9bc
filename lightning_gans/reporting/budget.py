"""The best measurement of a run within a training time: runs are compared at equal minutes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import PER_CLASS_SCORE, ScoreRow, best_row, better, order_scores

EQUAL = "equal"
"""In place of a number of minutes: the longest time that all runs have trained."""


def describe_budget(minutes: float) -> str:
    """What a table of scores within so many minutes shows, in a sentence."""
    return (
        f"Of each run, the measurement with the best first score after at most {minutes:.4g} minutes of training, "
        "validations included."
    )


def by_extractor(rows: Iterable[ScoreRow], extractor: str) -> list[ScoreRow]:
    """The rows whose extractor's name, as in the stamp, starts so."""
    return [row for row in rows if row.stamp.extractor.startswith(extractor)]


def timed(rows: Iterable[ScoreRow], split: str) -> list[ScoreRow]:
    """The rows of a split whose step and training time are known."""
    return [row for row in rows if row.split == split and row.step is not None and row.minutes is not None]


def longest_minutes(rows: Iterable[ScoreRow], split: str) -> float | None:
    """The longest training time, in minutes, after which scores of a split were measured; None if it is not known."""
    return max((row.minutes or 0.0 for row in timed(rows, split)), default=None)


def equal_minutes(folders: Iterable[RunFolder], split: str, extractor: str = "") -> float:
    """The longest training time, in minutes, after which each run has scores of a split.

    Runs without such times are left out.

    Args:
        folders: of the runs.
        split: of the scores.
        extractor: start of the name of their extractor.

    Raises:
        InputError: if there is no time of any run.
    """
    measured = [by_extractor(run.read_scores(), extractor) for run in folders]
    found = [minutes for rows in measured if (minutes := longest_minutes(rows, split)) is not None]
    if not found:
        raise InputError(
            f"--minutes is equal, but no run has {split} scores whose training time is known; expected runs of this "
            "version"
        )
    return min(found)


def deciding_score(rows: Sequence[ScoreRow], chosen: Sequence[str] = ()) -> str | None:
    """The score by which the best of these rows is found; None if none of theirs has a better direction.

    Args:
        rows: of one split.
        chosen: names of scores without the split; the first that the rows have decides. Without them, it is the most
            informative one.
    """
    names = dict.fromkeys(name for row in rows for name in row.short_scores)
    fewest = min((row.stamp.images for row in rows if row.stamp.images), default=0)
    known = [name for name in order_scores(names, fewest) if better(name) and not PER_CLASS_SCORE.search(name)]
    wanted = [name for name in chosen if name in names and better(name)]
    return next(iter([*wanted, *known]), None)


def best_within(rows: Iterable[ScoreRow], split: str, minutes: float, chosen: Sequence[str] = ()) -> list[ScoreRow]:
    """The best measurement of a run after at most so many minutes of training, a row for each domain.

    Args:
        rows: all scores of the run, oldest first.
        split: of the scores.
        minutes: of training, validations included.
        chosen: see :func:`deciding_score`.

    Returns:
        The rows of the step with the best value of the deciding score; none if nothing was measured by then.
    """
    early = [row for row in timed(rows, split) if (row.minutes or 0.0) <= minutes]
    name = deciding_score(early, chosen)
    best = None if name is None else best_row(early, f"{split}/{name}", better(name) or "min")
    if best is None:
        return []
    return list({row.domain: row for row in early if row.step == best.step}.values())
