"""The results of a study, read from the folders of its runs: nothing else is known of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.html.run_report import read_facts
from lightning_gans.reporting.runs import NotMeasuredError, Run, ScoreChoice, read_run
from lightning_gans.reporting.table import Row, describe_stamps, fewest_images, group_runs, stamp_difference
from lightning_gans.runs.json_lines import ignore_damage
from lightning_gans.runs.scores import PER_CLASS_SCORE, order_scores
from lightning_gans.studies.cells import Cell, FreshCell, first_cells, fresh_cells
from lightning_gans.studies.records import Record, failures, read_records
from lightning_gans.studies.search import Searched, resolve, searched_settings
from lightning_gans.studies.statistics import Interval, median_interval, not_told_apart
from lightning_gans.studies.study import Study


@dataclass(frozen=True)
class Measured:
    """A run that was trained and tested.

    Attributes:
        cell: its setting and seed.
        run: its settings and test scores.
        value: the score that compares.
    """

    cell: Cell
    run: Run
    value: float


@dataclass(frozen=True)
class MethodResult:
    """The runs of a method on a data set that are compared.

    Attributes:
        measured: at least one, in the order of the seeds.
        row: the same runs, as a row of a table of results.
        planned: number of runs that there are to be.
        interval: of the score that compares.
    """

    measured: list[Measured]
    row: Row
    planned: int
    interval: Interval

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.measured[0].cell.setting.method.name

    @property
    def values(self) -> list[float]:
        """The score of each run."""
        return [each.value for each in self.measured]

    def nearest(self, value: float) -> Measured:
        """The run whose score is nearest to a value; for the median of an odd number of runs, the run that has it."""
        return min(self.measured, key=lambda each: abs(each.value - value))


@dataclass(frozen=True)
class Comparison:
    """Methods whose scores have equal stamps, on one data set.

    Attributes:
        data: name of the data set; empty if there is only that of the methods' configs.
        results: the best median first.
        alike: pairs of results, by their indices, that cannot be told apart.
        stamps: how the scores were measured, in words.
        differs: in what the stamps differ from those of the data set's first comparison; empty for that one.
        columns: names of the other scores.
        without: names of methods of which no run on the data has ended, each with the number of runs that there are to
            be; only in the data set's first comparison.
    """

    data: str
    results: list[MethodResult]
    alike: list[tuple[int, int]]
    stamps: list[str]
    differs: str
    columns: list[str]
    without: dict[str, int]


@dataclass(frozen=True)
class Search:
    """The search for the best setting of a method on a data set.

    Attributes:
        data: name of the data set.
        method: name of the method.
        settings: all of them, in the order of their numbers.
    """

    data: str
    method: str
    settings: list[Searched]


@dataclass(frozen=True)
class Results:
    """The results of a study.

    Attributes:
        study: the study.
        folder: of the study.
        comparisons: those of a data set one after the other.
        searches: without a search, none.
        measured: all runs that are compared.
        failed: the last error of each run that has failed, by its name.
        missing: names of runs that were not completed yet.
        records: of all attempts at runs.
        facts: versions, machine and commit of each run that is compared.
        skipped: a sentence about each damaged part of a file.
    """

    study: Study
    folder: Path
    comparisons: list[Comparison]
    searches: list[Search]
    measured: list[Measured]
    failed: dict[str, str]
    missing: list[str]
    records: list[Record]
    facts: list[dict[str, Any]]
    skipped: list[str] = field(default_factory=list)


def read_results(study: Study, folder: Path) -> Results:
    """Read the results of a study.

    Raises:
        InputError: if a run cannot be read, or those of a method differ in more than the seed.
    """
    skipped: list[str] = []
    records = read_records(folder)
    first = first_cells(study)
    compared = resolve(study, fresh_cells(study), folder) if study.searches else first
    failed = failures(records)
    measured = []
    for cell in compared:
        if not cell.folder(folder).results.is_file():
            continue
        try:
            measured.append(read_measured(study, cell, folder, skipped))
        except NotMeasuredError as error:
            failed[cell.name] = str(error)
    known = {each.cell.name for each in measured} | failed.keys()
    waiting: Iterable[Cell | FreshCell] = [*first, *(compared if study.searches else [])]
    missing = [each.name for each in waiting if each.name not in known and not is_tested(each, folder)]
    if study.searches and not compared:
        missing += [each.name for each in fresh_cells(study)]
    return Results(
        study=study,
        folder=folder,
        comparisons=[part for data in study.data for part in compare(study, data.name, measured, compared)],
        searches=[
            Search(data.name, method.name, searched_settings(study, data, method, folder))
            for data in study.data
            for method in study.methods
            if study.searches
        ],
        measured=measured,
        failed=failed,
        missing=missing,
        records=records,
        facts=[facts for each in measured if (facts := read_environment(each.cell, folder)) is not None],
        skipped=skipped,
    )


def is_tested(cell: Cell | FreshCell, folder: Path) -> bool:
    """Whether a run is complete."""
    return isinstance(cell, Cell) and cell.folder(folder).results.is_file()


def read_measured(study: Study, cell: Cell, folder: Path, skipped: list[str]) -> Measured:
    """Read a run that was tested.

    Raises:
        InputError: if its config cannot be read.
        NotMeasuredError: if it has no finite score of the study.
    """
    place = cell.folder(folder)
    run = read_run(place, ScoreChoice("test"), skipped.append)
    value = run.scores.get(study.score)
    if value is None:
        raise NotMeasuredError(f"the test has no {study.score}; it has {', '.join(run.scores)}")
    if not math.isfinite(value):
        raise NotMeasuredError(f"{study.score} of the test is {value}")
    return Measured(cell, run, value)


def read_environment(cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Versions, machine and commit of a run's test."""
    return read_facts(cell.folder(folder).results, "results", ignore_damage)


def compare(study: Study, data: str, measured: list[Measured], planned: list[Cell]) -> list[Comparison]:
    """The methods on a data set: a comparison for each stamp that their scores have.

    Args:
        study: the study.
        data: name of the data set.
        measured: the runs that are compared, of all data sets.
        planned: the runs that there are to be.
    """
    mine = {each.run.folder: each for each in measured if each.cell.setting.data.name == data}
    ended = {each.cell.setting.method.name for each in mine.values()}
    seeds = len(study.fresh_seeds or study.seeds)
    without = {method.name: seeds for method in study.methods if method.name not in ended}
    tables = group_runs([each.run for each in mine.values()])
    found: list[Comparison] = []
    for rows in tables:
        results = [method_result([mine[run.folder] for run in row.runs], row, planned) for row in rows]
        results.sort(key=lambda each: each.interval.median, reverse=study.mode == "max")
        difference = stamp_difference(tables[0][0].runs, rows[0].runs[0])
        runs = [run for row in rows for run in row.runs]
        names = dict.fromkeys(name for run in runs for name in run.scores if not PER_CLASS_SCORE.search(name))
        chosen = order_scores(names, fewest_images(rows)) if study.columns is None else study.columns
        found.append(
            Comparison(
                data=data,
                results=results,
                alike=not_told_apart([each.values for each in results]),
                stamps=describe_stamps(runs),
                differs="" if difference is None else "stamp.{} is {} there and {} here".format(*difference),
                columns=[name for name in chosen if name in names and name != study.score],
                without={} if found else without,
            )
        )
    return found


def method_result(measured: list[Measured], row: Row, planned: list[Cell]) -> MethodResult:
    """The result of the runs of one setting."""
    setting = measured[0].cell.setting.name
    count = sum(cell.setting.name == setting for cell in planned)
    return MethodResult(measured, row, count, median_interval([each.value for each in measured]))


def require_results(results: Results) -> None:
    """Check that there is a run to show.

    Raises:
        InputError: if there is none.
    """
    if not results.measured:
        reason = next(iter(results.failed.items()), None)
        why = "" if reason is None else f"; {reason[0]} failed: {reason[1]}"
        raise InputError(f"no run of the study in {results.folder} is complete{why}")
