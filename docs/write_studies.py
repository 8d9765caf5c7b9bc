"""Write the tables and pictures of the study of MNIST from its record, docs/records/study-mnist.csv.

    make numbers                                          # or: python docs/write_studies.py
    python docs/write_studies.py runs/studies/mnist       # first take the record and samples from a study's folder

The record is the study's runs.csv: all scores of all runs. Written are the table of docs/studies.md, the short one of
README.md, and the figure of both, docs/images/study-mnist.png. A test fails where a table differs from the record.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from lightning_gans.core.errors import exit_on_known_errors
from lightning_gans.reporting.table import format_number, replace_table
from lightning_gans.studies.statistics import Interval, median_interval, not_told_apart
from lightning_gans.studies.tables import Table, Text, pair_of

ROOT = Path(__file__).resolve().parents[1]

RECORD = Path("docs", "records", "study-mnist.csv")

FIGURE, SAMPLES = Path("docs", "images", "study-mnist.png"), Path("docs", "images", "study-mnist-grids.png")

SCORE = "relative_fid"
"""The score that it compares, which is better when less."""

BLUE, GRAY = "#2c6fa6", "#999999"


class Method(NamedTuple):
    """The runs of a method.

    Attributes:
        name: of the method.
        runs: their columns, in the order of the seeds.
        values: the score that compares, of each.
        interval: its median and bootstrap interval.
    """

    name: str
    runs: list[dict[str, str]]
    values: list[float]
    interval: Interval

    @property
    def score(self) -> str:
        """The median of the score that compares, and its interval."""
        middle, low, high = map(format_number, self.interval)
        return f"{middle} [{low}, {high}]"

    def median_of(self, column: str) -> str:
        """The median of another column, in words."""
        return format_number(median(float(run[column]) for run in self.runs))


def read_methods(record: Path) -> list[Method]:
    """The methods of a record, the best median first."""
    groups: dict[str, list[dict[str, str]]] = {}
    with record.open(newline="", encoding="utf-8") as file:
        for run in csv.DictReader(file):
            groups.setdefault(run["method"], []).append(run)
    methods = []
    for name, runs in groups.items():
        values = [float(run[SCORE]) for run in runs]
        methods.append(Method(name, runs, values, median_interval(values)))
    return sorted(methods, key=lambda method: method.interval.median)


def alike(methods: list[Method]) -> list[str]:
    """For each method the numbers of those that it cannot be told apart from, such as "1, 3 to 5"."""
    pairs = not_told_apart([method.values for method in methods])
    return [ranges([other + 1 for other in sorted(pair_of(index, pairs))]) for index in range(len(methods))]


def ranges(numbers: list[int]) -> str:
    """Ascending numbers in words, where three and more that follow each other are a range."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    parts = [f"{group[0]} to {group[-1]}" if len(group) > 2 else ", ".join(map(str, group)) for group in groups]
    return ", ".join(parts)


def table(methods: list[Method], columns: dict[str, str]) -> str:
    """A Markdown table with a row for each method.

    Args:
        methods: the best first.
        columns: further columns of the record, of which the medians are shown, and their titles.
    """
    head = ["", "Method", "Relative FID", "Not told apart from", *columns.values()]
    rows = []
    for number, (method, others) in enumerate(zip(methods, alike(methods), strict=True), 1):
        medians = [method.median_of(column) for column in columns]
        rows.append([str(number), f"`{method.name}`", method.score, others, *medians])
    return in_markdown(head, rows)


def short_table(methods: list[Method]) -> str:
    """A Markdown table with two methods in a row, of which the first half is on the left."""
    half = (len(methods) + 1) // 2
    rows = [[cell for each in methods[place::half] for cell in (f"`{each.name}`", each.score)] for place in range(half)]
    return in_markdown(["Method", "Relative FID"] * 2, rows)


def in_markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with a line end."""
    return Table(head, [[[Text(cell)] for cell in row] for row in rows]).to_markdown() + "\n"


def draw(methods: list[Method], target: Path) -> None:
    """Draw the score of each run as a point, and each method's median as a bar; the best method is at the top."""
    figure = Figure(figsize=(7.2, 0.25 * len(methods) + 0.7), layout="constrained")
    axes = figure.subplots()
    for place, method in enumerate(methods):
        axes.plot(method.values, [place] * len(method.values), "o", color=BLUE, markersize=4.5, alpha=0.75)
        axes.plot([method.interval.median] * 2, [place - 0.3, place + 0.3], color=BLUE, linewidth=1.6)
        axes.axhline(place, color=GRAY, linewidth=0.4, zorder=0)
    axes.set_yticks(range(len(methods)), [method.name for method in methods], fontsize=8)
    axes.set(xscale="log", ylim=(len(methods) - 0.4, -0.6))
    axes.set_xlabel("relative FID of each of three runs, and their median", fontsize=8)
    axes.tick_params(labelsize=8, length=0, axis="y")
    axes.tick_params(labelsize=8, axis="x", which="both")
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(target, dpi=110)


def draw_samples(methods: list[Method], study: Path, target: Path) -> None:
    """Draw 16 samples of the worst run of each method: five methods in a row, the best at the top left.

    Args:
        methods: the best first.
        study: the folder of the study.
        target: the picture to write.
    """
    figure = Figure(figsize=(9, 1.95 * -(-len(methods) // 5)), layout="constrained")
    places = figure.subplots(-(-len(methods) // 5), 5).flat
    for axes, method in zip(places, methods, strict=True):
        seed = method.runs[method.values.index(max(method.values))]["seed"]
        (grid,) = (study / f"mnist-{method.name}" / f"seed-{seed}" / "samples").glob("test-*.png")
        axes.imshow(Image.open(grid).convert("L").crop((0, 0, 346, 346)), cmap="gray")
        axes.set_title(f"{method.name}, {format_number(max(method.values))}", fontsize=8)
        axes.set_axis_off()
    figure.savefig(target, dpi=110)


def write_tables(root: Path) -> None:
    """Write the tables of the documentation in a folder."""
    methods = read_methods(root / RECORD)
    columns = {"coverage": "Coverage", "precision": "Precision", "steps": "Steps"}
    replace_table(root / "docs" / "studies.md", "study-mnist", table(methods, columns))
    replace_table(root / "README.md", "study", short_table(methods))


def main(study: Path | None) -> None:
    """Write all tables and figures.

    Args:
        study: the folder of the study, to take the record and samples from, or None to keep them.
    """
    if study:
        shutil.copy(study / "runs.csv", ROOT / RECORD)
        draw_samples(read_methods(ROOT / RECORD), study, ROOT / SAMPLES)
    write_tables(ROOT)
    draw(read_methods(ROOT / RECORD), ROOT / FIGURE)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("usage: python docs/write_studies.py [FOLDER OF THE STUDY]")
    with exit_on_known_errors():
        main(Path(sys.argv[1]) if sys.argv[1:] else None)
