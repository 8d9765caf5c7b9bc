"""What the results of a study say, in sentences, tables and figures, for Markdown and the page alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_file
from lightning_gans.reporting.html.pictures import Grid, newest_test_grids
from lightning_gans.studies.budget import read_step_costs
from lightning_gans.studies.figures import Figure, budget_figure, search_figure
from lightning_gans.studies.results import Comparison, MethodResult, Results
from lightning_gans.studies.study import Study
from lightning_gans.studies.tables import (
    Table,
    cost_table,
    link_to,
    main_table,
    runs_table,
    search_table,
    to_csv,
)

MARKDOWN, CSV = "study.md", "runs.csv"
"""Files of a study's folder with its results."""


@dataclass(frozen=True)
class Samples:
    """The sample grid of a method.

    Attributes:
        name: of the method.
        link: of its run, relative to the study's folder.
        file: of the grid, relative to the study's folder.
        grid: the picture, and when it was drawn.
    """

    name: str
    link: str
    file: str
    grid: Grid


@dataclass(frozen=True)
class Part:
    """What is said of one comparison.

    Attributes:
        title: the data set; empty if there is only one.
        comparison: the methods.
        table: a row for each method.
        sentences: what the table does not say.
        figure: the score against the budget; None if validations have no scores.
        samples: a grid for each method that has one.
    """

    title: str
    comparison: Comparison
    table: Table
    sentences: list[str]
    figure: Figure | None
    samples: list[Samples]


@dataclass(frozen=True)
class Report:
    """What is said of a study.

    Attributes:
        results: of the study.
        summary: sentences about the whole study.
        parts: of each comparison.
        search: a row for each method; None without a search.
        search_figures: the expected best against the number of settings, for each data set.
        runs: a row for each run.
        costs: a row for each setting.
        environment: versions, commits and machines, each with its values.
    """

    results: Results
    summary: list[str]
    parts: list[Part]
    search: Table | None
    search_figures: list[Figure]
    runs: Table
    costs: Table
    environment: dict[str, str]

    @property
    def figures(self) -> list[Figure]:
        """All figures."""
        return [*(part.figure for part in self.parts if part.figure is not None), *self.search_figures]


def make_report(results: Results) -> Report:
    """Collect what is said of a study.

    Raises:
        InputError: if a file of the study cannot be read.
    """
    study = results.study
    search_figures = []
    for number, data in enumerate(study.data):
        searches = [each for each in results.searches if each.data == data.name]
        figure = search_figure(results, searches, f"search{figure_suffix(data.name, number)}.png") if searches else None
        search_figures += [] if figure is None else [figure]
    return Report(
        results=results,
        summary=list(summarize(results)),
        parts=[make_part(results, each, number) for number, each in enumerate(results.comparisons)],
        search=search_table(results) if study.searches else None,
        search_figures=search_figures,
        runs=runs_table(results),
        costs=cost_table(results),
        environment=environment(results),
    )


def figure_suffix(name: str, number: int) -> str:
    """What distinguishes the figure of a data set or comparison from others."""
    return f"-{name}" if name else f"-{number}" if number else ""


def make_part(results: Results, comparison: Comparison, number: int) -> Part:
    """What is said of one comparison."""
    same = [index for index, each in enumerate(results.comparisons) if each.data == comparison.data]
    again = same.index(number)
    file = f"score{figure_suffix(comparison.data, 0)}{f'-{again + 1}' if again else ''}.png"
    figure = budget_figure(results, comparison, read_step_costs(results.folder), file)
    samples = [each for result in comparison.results if (each := samples_of(results, result)) is not None]
    sentences = list(describe(comparison))
    return Part(comparison.data, comparison, main_table(results, comparison), sentences, figure, samples)


def samples_of(results: Results, result: MethodResult) -> Samples | None:
    """The test's grid of the run with the median score; None if it has none that can be read."""
    cell = result.nearest(result.interval.median).cell
    run = cell.folder(results.folder)
    step = next((row.step for row in reversed(run.read_scores()) if row.split == "test"), None)
    found = newest_test_grids(run.grids("test"), step, results.skipped.append)
    if not found:
        return None
    (grid,), drawn = found[0].grids, [file for file in run.grids("test") if file.step == found[0].grids[0].step]
    file = drawn[0].path.relative_to(results.folder).as_posix()
    return Samples(result.name, link_to(cell), file, grid)


def summarize(results: Results) -> Iterator[str]:
    """Sentences about the whole study."""
    study = results.study
    yield (
        f"{len(study.methods)} methods, {len(study.data)} data set{'' if len(study.data) == 1 else 's'}. The budget of "
        f"each run is {budgets(study)}, with {study.validations} validations that do not count; the checkpoint with "
        f"the best val/{study.score} is tested."
    )
    if study.budget.unit == "core_seconds":
        yield (
            "Seconds of one core were turned into steps by the CPU time of a step, which a short run of each setting "
            "has measured on one core, without start, validations and loader processes."
        )
    if study.searches:
        yield (
            f"For each method {study.settings} settings were drawn at random (draw_seed {study.draw_seed}) and trained "
            f"with the seeds {listed(study.seeds)}. The setting with the best median of val/{study.score} was trained "
            f"again with the seeds {listed(study.fresh_seeds)}, which the tables show."
        )
    yield (
        "A score is the median over seeds, with its 95 % bootstrap interval in brackets; other columns are the median "
        "and the range. Two methods are not told apart if the 95 % bootstrap interval of the difference of their "
        "medians contains 0. Medians are over the runs that have ended: a method of which runs have failed is worse "
        "than its row."
    )
    if results.missing:
        names = listed(results.missing[:5])
        more = f" and {len(results.missing) - 5} others" if len(results.missing) > 5 else ""
        yield f"The study is not complete: {len(results.missing)} runs are missing, {names}{more}."


def budgets(study: Study) -> str:
    """The budget of a run in words, with those of data that have their own."""
    own = [f"on {data.name} {data.budget}" for data in study.data if data.budget is not None]
    return ", ".join([*([] if len(own) == len(study.data) else [str(study.budget)]), *own])


def listed(values: list[Any]) -> str:
    """Values with commas."""
    return ", ".join(map(str, values))


def describe(comparison: Comparison) -> Iterator[str]:
    """What a table of methods does not say."""
    names = [each.name for each in comparison.results]
    pairs = len(names) * (len(names) - 1) // 2
    if single := [each.name for each in comparison.results if len(each.measured) == 1]:
        yield f"Of one run nothing is known of its spread: {listed(single)} is told apart from no other method."
    if pairs and not comparison.alike:
        yield "All pairs of methods are told apart."
    elif len(comparison.alike) == pairs > 0:
        yield "No two methods are told apart."
    elif pairs:
        yield f"Told apart are {pairs - len(comparison.alike)} of {pairs} pairs of methods."
    if comparison.differs:
        yield f"Not to be compared with the first table of these data: {comparison.differs}."


def environment(results: Results) -> dict[str, str]:
    """Versions, commits and machines of all runs that are compared; several values of one are listed."""
    found: dict[str, dict[str, None]] = {}
    for facts in results.facts:
        known = {"commit": facts.get("commit") or "not known", **facts["versions"], **facts["machine"]}
        for name, value in known.items():
            found.setdefault(str(name).replace("_", " "), {})[str(value)] = None
    return {name: listed(list(values)) for name, values in found.items()}


def to_markdown(report: Report) -> str:
    """The report in Markdown."""
    return "\n\n".join(markdown_blocks(report)) + "\n"


def markdown_blocks(report: Report) -> Iterator[str]:
    """The blocks of the report in Markdown."""
    results = report.results
    yield f"# Study {results.study.name}"
    yield from report.summary
    for part in report.parts:
        if part.title:
            yield f"## {part.title}"
        yield part.table.to_markdown()
        yield f"Stamp: {', '.join(f'`{text}`' for text in part.comparison.stamps)}"
        yield from part.sentences
        if part.figure is not None:
            yield f"![{part.figure.caption}]({part.figure.file})"
        if part.samples:
            head = [f"[{each.name}]({each.link})" for each in part.samples]
            pictures = [f"![samples of {each.name}, {each.grid.when}]({each.file})" for each in part.samples]
            rows = [head, ["---"] * len(head), pictures]
            yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if report.search is not None:
        yield "## Search"
        yield report.search.to_markdown()
        yield from (f"![{figure.caption}]({figure.file})" for figure in report.search_figures)
    if results.failed:
        yield "## Failed runs"
        yield "\n".join(f"- `{name}`: {error}" for name, error in results.failed.items())
    yield "## Runs"
    yield report.runs.to_markdown()
    yield "## What they took"
    yield report.costs.to_markdown()
    yield "Medians over runs, of `fit` and `test` together, with start and validations."
    yield "## Environment"
    yield "\n".join(f"- {name}: {value}" for name, value in report.environment.items())


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the Markdown, the CSV and the figures; returns the paths of the first two.

    Raises:
        RunEnded: if a file cannot be written.
        InputError: if the folder does not exist.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected that of a study")
    for figure in report.figures:
        figure.write(folder)
    texts = {MARKDOWN: to_markdown(report), CSV: to_csv(report.results)}
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    return [folder / name for name in texts]
