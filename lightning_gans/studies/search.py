"""The search of a study: the scores of its settings on validation, and the best setting of each method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lightning_gans.runs.scores import best_row
from lightning_gans.studies.cells import Cell, FreshCell, Setting, settings_of
from lightning_gans.studies.study import DataSet, Method, Study


@dataclass(frozen=True)
class Searched:
    """A setting and the scores of its runs.

    Attributes:
        setting: the setting.
        scores: the best validation score of each seed's run that is complete, by seed.
        seeds: number of seeds with which it was to be trained.
    """

    setting: Setting
    scores: dict[int, float]
    seeds: int

    @property
    def missing(self) -> int:
        """Number of runs without a score: they have failed, or are not complete yet."""
        return self.seeds - len(self.scores)

    @property
    def median(self) -> float | None:
        """The median of the scores; None without any."""
        return median(self.scores.values()) if self.scores else None


def validation_score(study: Study, cell: Cell, folder: Path) -> float | None:
    """The best validation score of a complete run; None if it has none.

    The checkpoint with this score is the one that is tested. Settings are chosen by it, and not by the test's score.
    """
    run = cell.folder(folder)
    if not run.results.is_file():
        return None
    name = f"val/{study.score}"
    row = best_row(run.read_scores(), name, study.mode)
    return None if row is None else row.scores[name]


def searched_settings(study: Study, data: DataSet, method: Method, folder: Path) -> list[Searched]:
    """All settings of a method on a data set, with the scores that there are."""
    found = []
    for setting in settings_of(study, data, method):
        scores = {seed: validation_score(study, Cell(setting, seed), folder) for seed in study.seeds}
        known = {seed: score for seed, score in scores.items() if score is not None}
        found.append(Searched(setting, known, len(study.seeds)))
    return found


def best_setting(study: Study, data: DataSet, method: Method, folder: Path) -> Setting | None:
    """The setting with the best median score on validation; of equal ones the first. None without any score.

    A setting of which a run has failed comes after those of which none has.
    """

    def order(each: Searched) -> tuple[int, float]:
        value = each.median
        assert value is not None
        return each.missing, value if study.mode == "min" else -value

    known = [each for each in searched_settings(study, data, method, folder) if each.median is not None]
    return min(known, key=order).setting if known else None


def resolve(study: Study, cells: list[FreshCell], folder: Path) -> list[Cell]:
    """The runs with fresh seeds of the best settings; methods without any score are left out."""
    best: dict[tuple[str, str], Setting | None] = {}
    found = []
    for cell in cells:
        key = (cell.data.name, cell.method.name)
        if key not in best:
            best[key] = best_setting(study, cell.data, cell.method, folder)
        if (setting := best[key]) is not None:
            found.append(Cell(setting, cell.seed))
    return found


def expected_best(values: list[float], count: int, mode: str) -> float:
    """The expected best of ``count`` settings drawn from those that were tried, without replacement.

    Of the ``k`` values in order, the best first, the i-th is the best of ``count`` if it is among them and none before
    it is, which has the probability :math:`C(k - i, n - 1) / C(k, n)`. It is an unbiased estimate of the expected best
    of ``count`` fresh draws from the search space.

    Args:
        values: a score for each setting.
        count: number of settings that are tried, from 1 to the number of values.
        mode: "min" or "max": whether less or more is better.

    Raises:
        ValueError: if ``count`` is out of range.
    """
    total = len(values)
    if not 1 <= count <= total:
        raise ValueError(f"count is {count}; expected from 1 to {total}, the number of values")
    ordered = sorted(values, reverse=mode == "max")
    draws = math.comb(total, count)
    return sum(math.comb(total - i, count - 1) / draws * value for i, value in enumerate(ordered, start=1))
