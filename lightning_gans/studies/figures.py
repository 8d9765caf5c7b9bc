"""Figures of a study: the score against the budget, and the expected best against the number of settings tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from lightning_gans.core.files import atomic_file
from lightning_gans.reporting.html.plots import RUNS, Plot, describe_lines, draw_svg
from lightning_gans.runs.curves import OTHERS, Line, Panel, Series, draw_panel
from lightning_gans.runs.curves import SCORES as PANELS
from lightning_gans.runs.scores import by_step, comparable_rows
from lightning_gans.studies.budget import StepCost
from lightning_gans.studies.results import Comparison, Results, Search
from lightning_gans.studies.search import expected_best

COLORS = ("#2c6fa6", "#c8553d", *OTHERS, "#5c5c5c")
"""Colors of methods in a PNG, as on a page with a light theme."""


@dataclass(frozen=True)
class Figure:
    """A figure with a line for each method.

    Attributes:
        file: name of its PNG in the study's folder.
        caption: what it shows.
        unit: of the x-axis.
        panel: the lines, in the order of the legend.
        columns: the values of the lines.
    """

    file: str
    caption: str
    unit: str
    panel: Panel
    columns: Mapping[str, Series]

    def plot(self) -> Plot:
        """The figure for a page, without a legend."""
        text = f"{self.caption}: {describe_lines(self.panel, dict(self.columns), self.unit)}"
        return Plot(self.panel.heading, draw_svg(self.panel, dict(self.columns), text, False, self.unit))

    def write(self, folder: Path) -> None:
        """Write the PNG.

        Raises:
            RunEnded: if it cannot be written.
        """
        canvas = Canvas(figsize=(7.2, 3.6), layout="constrained")
        axes = canvas.subplots()
        lines = tuple(line._replace(color=COLORS[index % len(COLORS)]) for index, line in enumerate(self.panel.lines))
        draw_panel(axes, self.panel._replace(lines=lines), dict(self.columns))
        if (legend := axes.get_legend()) is not None:
            legend.remove()
        axes.legend(
            axes.lines[: len(lines)],
            [line.name for line in lines],
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            fontsize=8,
            frameon=False,
        )
        axes.set_xlabel(self.unit, fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        with atomic_file(folder / self.file) as temporary:
            canvas.savefig(temporary, dpi=110)


def make_panel(score: str, title: str, columns: Mapping[str, Series], mode: str) -> Panel:
    """A panel with a line for each column, which is named as its method is."""
    lines = tuple(
        Line(name, name, str(index // len(RUNS)), RUNS[index % len(RUNS)]) for index, name in enumerate(columns)
    )
    logarithmic = any(score.rpartition("/")[2].endswith(each) and panel.log for (each, *_), panel in PANELS.items())
    return Panel(title, lines, log=logarithmic, better="min" if mode == "min" else "max")


def budget_figure(results: Results, comparison: Comparison, costs: Mapping[str, StepCost], file: str) -> Figure | None:
    """The median over seeds of the validation score, over what was used of the budget; None without any score.

    Args:
        results: of the study.
        comparison: the methods that are drawn.
        costs: of a step, by the setting's name.
        file: name of the PNG.
    """
    study = results.study
    name = f"val/{study.score}"
    columns: dict[str, Series] = {}
    for result in comparison.results:
        setting = result.measured[0].cell.setting
        cost = costs.get(setting.name)
        seconds = 1.0 if cost is None else cost.core_seconds
        points: dict[float, list[float]] = {}
        for each in result.measured:
            rows = by_step(comparable_rows(each.cell.folder(results.folder).read_scores(), name))
            for row in rows:
                place = {"steps": row.step, "images": row.images_seen, "core_seconds": seconds * (row.step or 0)}
                if (x := place[study.budget.unit]) is not None:
                    points.setdefault(float(x), []).append(row.scores[name])
        whole = {x: values for x, values in sorted(points.items()) if len(values) == len(result.measured)}
        if whole:
            columns[result.name] = Series(list(whole), [median(values) for values in whole.values()])
    if not columns:
        return None
    unit = "seconds of one core" if study.budget.unit == "core_seconds" else study.budget.unit
    on = f" on {comparison.data}" if comparison.data else ""
    panel = make_panel(study.score, f"{study.score}{on}", columns, study.mode)
    caption = f"median over seeds of {name}{on} against {unit} of training"
    return Figure(file, caption, unit, panel, columns)


def search_figure(results: Results, searches: list[Search], file: str) -> Figure | None:
    """The expected best score over the number of settings tried; None without any score.

    A setting that has failed counts as the worst score of any setting on the data set.

    Args:
        results: of the study.
        searches: of one data set.
        file: name of the PNG.
    """
    study = results.study
    scores = [[each.median for each in search.settings] for search in searches]
    known = [value for values in scores for value in values if value is not None]
    if not known:
        return None
    worst = max(known) if study.mode == "min" else min(known)
    columns: dict[str, Series] = {}
    for search, values in zip(searches, scores, strict=True):
        filled = [worst if value is None else value for value in values]
        counts = range(1, len(filled) + 1)
        columns[search.method] = Series(
            [float(count) for count in counts], [expected_best(filled, count, study.mode) for count in counts]
        )
    on = f" on {searches[0].data}" if searches[0].data else ""
    panel = make_panel(study.score, f"expected best val/{study.score}{on}", columns, study.mode)
    caption = f"expected best val/{study.score}{on} against the number of settings tried"
    return Figure(file, caption, "settings", panel, columns)
