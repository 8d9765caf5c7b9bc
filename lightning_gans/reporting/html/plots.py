"""Curves as SVG whose colors are CSS variables of the page, for its light and its dark theme."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from lightning_gans.reporting.html.pictures import evenly_spaced
from lightning_gans.reporting.table import format_number
from lightning_gans.runs.curves import BLUE, DARK, GRAY, OTHERS, RED, Line, Panel, Series, draw_panel, select_panels

POINTS = 1500
"""Largest number of points in a line; a figure is a few hundred pixels wide."""

STEP = "step"
"""Unit of the x-axis of a log."""

HOVER_POINTS = 150
"""Largest number of points in a line whose values the page shows on hover."""

INK = "#010203"
"""Color of text and axes in the drawing, replaced by the page's."""

RUNS = tuple(f"#0a0b{index:02x}" for index in range(8))
"""Colors of runs in the drawing, replaced by the page's."""

PAGE = {
    INK: "currentColor",
    RED: "var(--red)",
    BLUE: "var(--blue)",
    DARK: "var(--dark)",
    GRAY: "var(--gray)",
    **{color: f"var(--other-{index})" for index, color in enumerate(OTHERS)},
    **{color: f"var(--run-{index})" for index, color in enumerate(RUNS)},
}
"""The page's color for each color of the drawing."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],  # shipped with matplotlib, which measures text with it; the page sets its own
    "text.parse_math": False,  # a dollar sign in a name does not start a formula
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}

BARE = {"Date": None, "Creator": None, "Format": None, "Type": None}
"""No metadata, which would differ between calls."""


@dataclass(frozen=True)
class Plot:
    """A figure of one panel.

    Attributes:
        title: what it shows, with an arrow to where values are better.
        svg: the drawing, with a description for screen readers, and the values that the page shows on hover.
    """

    title: str
    svg: Markup


def plot_panels(log: dict[str, Series], name: str) -> list[Plot]:
    """A plot for each panel of a run's log.

    Args:
        log: columns of the CSV log.
        name: of the run, for the descriptions.
    """
    columns = thin(log)
    return [
        Plot(panel.heading, draw_svg(panel, columns, f"{panel.title}, {name}: {describe_lines(panel, log)}"))
        for panel in select_panels(log)
    ]


def overlay_runs(logs: Mapping[str, dict[str, Series]]) -> list[Plot]:
    """Plots of several logs: a plot for each line of each panel, with a line for each run.

    Args:
        logs: by the run's name, in the order of the runs' colors; if there are more runs than colors, line styles
            distinguish them.
    """
    # Keys start with a number, since the name of a run may be that of a column.
    columns = {f"{i} {name}": series for i, log in enumerate(logs.values()) for name, series in thin(log).items()}
    found = []
    for panel in select_panels(dict.fromkeys(name for log in logs.values() for name in log)):
        for line in panel.lines:
            lines = [
                Line(f"{i} {line.column}", name, str(i // len(RUNS)), RUNS[i % len(RUNS)])
                for i, (name, log) in enumerate(logs.items())
                if line.column in log
            ]
            alone = line.name.lower() == panel.title.lower() or {other.name for other in panel.lines} == {line.name}
            parts = [panel.title, "" if alone else line.name, line.domain]
            title = ", ".join(part for part in parts if part)
            one = panel._replace(title=title, lines=tuple(lines), mark_best=False)
            svg = draw_svg(one, columns, f"{title}: {describe_lines(one, columns)}", legend=False)
            found.append(Plot(one.heading, svg))
    return found


def thin(log: dict[str, Series]) -> dict[str, Series]:
    """A log with at most ``POINTS`` points in each line."""
    return {
        name: Series(evenly_spaced(series.steps, POINTS), evenly_spaced(series.values, POINTS))
        for name, series in log.items()
    }


def describe_lines(panel: Panel, columns: dict[str, Series], unit: str = STEP) -> str:
    """The first and the last value of each line, in words."""
    parts = []
    for line in panel.lines:
        steps, values = columns[line.column]
        first, last = format_number(values[0]), format_number(values[-1])
        ends = [f"{step:,}" if unit == STEP else f"{round_place(step):,} {unit}" for step in (steps[0], steps[-1])]
        at = f"step {ends[0]}" if unit == STEP else ends[0]
        parts.append(f"{name_of(line)} from {first} at {at} to {last} at {ends[1]}")
    return "; ".join(parts)


def round_place(value: float) -> float:
    """A place on the x-axis: whole numbers in full, others with four digits."""
    return int(value) if value == int(value) else float(f"{value:.4g}")


def draw_svg(
    panel: Panel, columns: dict[str, Series], description: str, legend: bool = True, unit: str = STEP
) -> Markup:
    """One panel as an SVG element without its title, which the page shows.

    Args:
        panel: what is drawn.
        columns: the values of its lines.
        description: for screen readers.
        legend: whether to draw a legend.
        unit: of the x-axis.
    """
    text = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": description}), warnings.catch_warnings():
        # Of letters that matplotlib's font lacks; the page's font may have them.
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(3.1, 1.75), layout="constrained")
        axes = figure.subplots()
        lines = draw_panel(axes, panel, columns)
        axes.set_title("", loc="left")
        if unit != STEP:
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            axes.set_xlim(left=0)
        if not legend and (drawn := axes.get_legend()) is not None:
            drawn.remove()
        figure.savefig(text, format="svg", transparent=True, metadata=BARE)
        values = [hover_values(axes, line, artist) for line, artist in zip(panel.lines, lines, strict=True)]
    return to_element(text.getvalue(), description, values, unit)


def hover_values(axes: Axes, line: Line, artist: Line2D) -> dict[str, Any]:
    """What the page shows of a line on hover.

    Args:
        axes: in a figure that was saved as SVG.
        line: the line.
        artist: the line as it is drawn.

    Returns:
        ``name`` and ``color``, and, for each point, ``step``, ``value``, ``x`` and ``y``; the last two in the units of
        the SVG's view box.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    # The SVG has 72 units per inch, from the top.
    unit, height = 72 / figure.dpi, 72 * figure.get_figheight()
    points = evenly_spaced(np.asarray(artist.get_xydata()).tolist(), HOVER_POINTS)
    places = (axes.transData.transform(points) * unit).tolist()
    return {
        "name": name_of(line),
        "color": PAGE[line.color],
        "step": [round_place(step) for step, _ in points],
        "value": [float(f"{value:.4g}") for _, value in points],
        "x": [round(x, 1) for x, _ in places],
        "y": [round(height - y, 1) for _, y in places],
    }


def name_of(line: Line) -> str:
    """The name of a line and its domain; of several runs' lines, the name of the run."""
    return line.name if line.domain.isdecimal() else f"{line.name} {line.domain}".strip()


def to_element(svg: str, description: str, values: list[dict[str, Any]], unit: str) -> Markup:
    """Matplotlib's SVG document as an element of a page, without styles, size and names of its own.

    Args:
        svg: the document.
        description: for screen readers.
        values: see :func:`hover_values`.
        unit: of the x-axis.
    """
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    # Several figures have the same names; names that are referred to are hashes.
    body = re.sub(r' id="[\w.]+?_\d+"', "", body)
    body = re.sub("|".join(PAGE), lambda match: PAGE[match[0]], re.sub(r"\s*\n\s*", " ", body))
    box = re.search(r'viewBox="[\d. -]+"', svg)
    assert box is not None
    data = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    head = Markup('<svg class="plot" role="img" {} aria-label="{}" data-unit="{}" data-lines="{}">').format(
        Markup(box[0]), description, unit, data
    )
    return head + Markup(body)
