"""Curves as SVG that takes its colours from the page, and so suits a light and a dark one."""

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

from lightning_gans.reporting.html.pictures import spaced
from lightning_gans.reporting.rows import shown
from lightning_gans.runs.curves import BLUE, DARK, GREY, OTHERS, RED, Line, Panel, Series, draw_panel, panels

POINTS = 1500
"""A line of more has some left out, evenly; a figure is some hundred pixels wide."""

INK = "#010203"
"""Drawn for text and axes, and then replaced."""

RUNS = tuple(f"#0a0b{index:02x}" for index in range(8))
"""Drawn for the runs, and then replaced."""

PAGE = {
    INK: "currentColor",
    RED: "var(--red)",
    BLUE: "var(--blue)",
    DARK: "var(--dark)",
    GREY: "var(--grey)",
    **{colour: f"var(--other-{index})" for index, colour in enumerate(OTHERS)},
    **{colour: f"var(--run-{index})" for index, colour in enumerate(RUNS)},
}
"""The page's names for what is drawn."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],  # what matplotlib ships and measures; the page sets its own
    "text.parse_math": False,  # a dollar in a name is a dollar
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}

BARE = {"Date": None, "Creator": None, "Format": None, "Type": None}
"""No metadata: it is long, and differs from one call to the next."""


@dataclass(frozen=True)
class Plot:
    """A figure of one panel.

    Attributes:
        title: what it shows.
        svg: the drawing, with its description for those who do not see it.
    """

    title: str
    svg: Markup


def plots_of(log: dict[str, Series], name: str) -> list[Plot]:
    """Each panel of the log of a run of this name."""
    thin = thinned(log)
    return [Plot(panel.title, draw(panel, thin, f"{panel.title}, {name}: {tell(panel, log)}")) for panel in panels(log)]


def overlaid(logs: Mapping[str, dict[str, Series]]) -> list[Plot]:
    """The panels of several logs: a figure for each of a panel's lines, and in it a line for each run.

    Args:
        logs: by the run's name, in the order of the runs' colours; more runs than colours are told apart by dashes.
    """
    # Under a number, for a name of a run may be that of a column.
    columns = {f"{i} {name}": series for i, log in enumerate(logs.values()) for name, series in thinned(log).items()}
    found = []
    for panel in panels(dict.fromkeys(name for log in logs.values() for name in log)):
        for line in panel.lines:
            lines = [
                Line(f"{i} {line.column}", name, str(i // len(RUNS)), RUNS[i % len(RUNS)])
                for i, (name, log) in enumerate(logs.items())
                if line.column in log
            ]
            one = panel._replace(lines=tuple(lines), lowest=False)
            alone = line.name.lower() == panel.title.lower() or {other.name for other in panel.lines} == {line.name}
            parts = [panel.title, "" if alone else line.name, line.domain]
            title = ", ".join(part for part in parts if part)
            found.append(Plot(title, draw(one, columns, f"{title}: {tell(one, columns)}", legend=False)))
    return found


def thinned(log: dict[str, Series]) -> dict[str, Series]:
    """A log whose lines are short enough to be drawn quickly."""
    return {name: Series(spaced(series.steps, POINTS), spaced(series.values, POINTS)) for name, series in log.items()}


def tell(panel: Panel, columns: dict[str, Series]) -> str:
    """Where each line begins and ends."""
    told = []
    for line in panel.lines:
        steps, values = columns[line.column]
        name = line.name if line.domain.isdecimal() else f"{line.name} {line.domain}".strip()
        told.append(f"{name} from {shown(values[0])} at step {steps[0]:,} to {shown(values[-1])} at {steps[-1]:,}")
    return "; ".join(told)


def draw(panel: Panel, columns: dict[str, Series], description: str, legend: bool = True) -> Markup:
    """One panel as an SVG element; its title is the page's."""
    text = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": description}), warnings.catch_warnings():
        # Letters that matplotlib's own font lacks: the page's font draws them.
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(3.1, 1.75), layout="constrained")
        axes = figure.subplots()
        draw_panel(axes, panel, columns)
        axes.set_title("", loc="left")
        if not legend and (drawn := axes.get_legend()) is not None:
            drawn.remove()
        figure.savefig(text, format="svg", transparent=True, metadata=BARE)
    return as_element(text.getvalue(), description)


def as_element(svg: str, description: str) -> Markup:
    """A drawing of matplotlib's as a part of a page: no document of its own, no style for others, no size, no names."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    # Several figures have the same; those that are referred to are hashes.
    body = re.sub(r' id="[\w.]+?_\d+"', "", body)
    body = re.sub("|".join(PAGE), lambda match: PAGE[match[0]], re.sub(r"\s*\n\s*", " ", body))
    box = re.search(r'viewBox="[\d. -]+"', svg)
    assert box is not None
    head = Markup('<svg class="plot" role="img" {} aria-label="{}">').format(Markup(box[0]), description)
    return head + Markup(body)
