"""Curves as SVG whose colors are CSS variables of the page, for its light and its dark theme."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from lightning_gans.reporting.html.pictures import evenly_spaced
from lightning_gans.reporting.table import format_number
from lightning_gans.runs.curves import BLUE, DARK, GRAY, OTHERS, RED, Line, Panel, Series, draw_panel, select_panels

POINTS = 1500
"""Largest number of points in a line; a figure is a few hundred pixels wide."""

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
        title: what it shows.
        svg: the drawing, with a description for screen readers.
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
        Plot(panel.title, draw_svg(panel, columns, f"{panel.title}, {name}: {describe_lines(panel, log)}"))
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
            one = panel._replace(lines=tuple(lines), mark_minimum=False)
            alone = line.name.lower() == panel.title.lower() or {other.name for other in panel.lines} == {line.name}
            parts = [panel.title, "" if alone else line.name, line.domain]
            title = ", ".join(part for part in parts if part)
            found.append(Plot(title, draw_svg(one, columns, f"{title}: {describe_lines(one, columns)}", legend=False)))
    return found


def thin(log: dict[str, Series]) -> dict[str, Series]:
    """A log with at most ``POINTS`` points in each line."""
    return {
        name: Series(evenly_spaced(series.steps, POINTS), evenly_spaced(series.values, POINTS))
        for name, series in log.items()
    }


def describe_lines(panel: Panel, columns: dict[str, Series]) -> str:
    """The first and the last value of each line, in words."""
    parts = []
    for line in panel.lines:
        steps, values = columns[line.column]
        name = line.name if line.domain.isdecimal() else f"{line.name} {line.domain}".strip()
        first, last = format_number(values[0]), format_number(values[-1])
        parts.append(f"{name} from {first} at step {steps[0]:,} to {last} at {steps[-1]:,}")
    return "; ".join(parts)


def draw_svg(panel: Panel, columns: dict[str, Series], description: str, legend: bool = True) -> Markup:
    """One panel as an SVG element without its title, which the page shows."""
    text = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": description}), warnings.catch_warnings():
        # Of letters that matplotlib's font lacks; the page's font may have them.
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(3.1, 1.75), layout="constrained")
        axes = figure.subplots()
        draw_panel(axes, panel, columns)
        axes.set_title("", loc="left")
        if not legend and (drawn := axes.get_legend()) is not None:
            drawn.remove()
        figure.savefig(text, format="svg", transparent=True, metadata=BARE)
    return to_element(text.getvalue(), description)


def to_element(svg: str, description: str) -> Markup:
    """Matplotlib's SVG document as an element of a page, without styles, size and names of its own."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    # Several figures have the same names; names that are referred to are hashes.
    body = re.sub(r' id="[\w.]+?_\d+"', "", body)
    body = re.sub("|".join(PAGE), lambda match: PAGE[match[0]], re.sub(r"\s*\n\s*", " ", body))
    box = re.search(r'viewBox="[\d. -]+"', svg)
    assert box is not None
    head = Markup('<svg class="plot" role="img" {} aria-label="{}">').format(Markup(box[0]), description)
    return head + Markup(body)
