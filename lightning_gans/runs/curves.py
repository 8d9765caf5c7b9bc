"""Curves of a run's CSV log, as one figure or panel by panel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from lightning_gans.core.files import atomic_file
from lightning_gans.runs.metrics_log import read_metrics_log
from lightning_gans.runs.scores import ARROWS, better

RED, BLUE, DARK, GRAY = "#c8553d", "#2c6fa6", "#4d4d4d", "#999999"

ROLES = {"d": RED, "g": BLUE, "fake": BLUE, "real": DARK}
"""Colors of generator, discriminator and their images, the same in all panels; of two domains, those of the first."""
OTHERS = ("#4a8f60", "#b08d2e", "#8367a8", "#b8457f", "#28858c")
"""Colors of the other lines of a panel."""

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
"""Line styles of the domains of a translation."""

FEW = 30
"""A line of at most this many values shows each of them as a point."""


class Series(NamedTuple):
    """The finite values of a column.

    Attributes:
        steps: number of training steps when each value was logged, ascending; or minutes or images of training.
        values: one for each step.
    """

    steps: list[float]
    values: list[float]


class Line(NamedTuple):
    """A column in a panel.

    Attributes:
        column: name in the log.
        name: of the value, for the legend.
        domain: name of the domain in the log; empty if there is only one.
        color: that no other line of the panel has.
    """

    column: str
    name: str
    domain: str
    color: str


class Panel(NamedTuple):
    """What is drawn in one pair of axes.

    Attributes:
        title: of the axes.
        lines: at least one; their values are of one quantity, since the axes have one scale.
        log: use a logarithmic axis if values differ by more than a factor of ten.
        level: a value to compare with, drawn as a dashed line.
        better: whether less or more is better; None if neither is.
        mark_best: mark the best value of each line.
        smooth: draw a running mean over the values of single batches.
    """

    title: str
    lines: tuple[Line, ...] = ()
    log: bool = False
    level: float | None = None
    better: Literal["min", "max"] | None = None
    mark_best: bool = False
    smooth: bool = False

    @property
    def heading(self) -> str:
        """The title, with an arrow to where values are better."""
        return f"{self.title} {ARROWS[self.better]}".rstrip()


LOSS = Panel("loss", smooth=True)
"""Panel of each loss of training batches. Losses are of different quantities: that of pix2pix's generator has 100
times the L1 distance in it."""

LOSS_TITLES = {"d": "loss of D", "g": "loss of G"}
"""Titles of panels of losses, by the part of the column's name after the slash; others are named by that part."""

TRAINING = {
    "grad_norm": Panel("gradient norm", log=True, smooth=True),
    "logit": Panel("D's mean logit", level=0, smooth=True),
    "variance_ratio": Panel("variance of a batch, fake / real", level=1, smooth=True),
    "augment/p": Panel("probability of augmentation"),
    "augment/real_sign": Panel("mean sign of D's real logits", level=0, smooth=True),
}
"""Panels of values of training batches, by the column's name or the part of it before the slash."""

SCORES = {
    ("fid",): Panel("FID", log=True),
    ("kid",): Panel("KID", log=True),
    ("precision", "recall"): Panel("precision and recall"),
    ("density", "coverage"): Panel("density and coverage"),
    ("class_kl",): Panel("KL of the classes", log=True),
    ("class_fid",): Panel("mean FID of a class", log=True),
    ("within_modes",): Panel("points within a mode"),
    ("label_accuracy",): Panel("images of the requested class"),
    ("error",): Panel("images that D classifies wrongly", log=True),
    ("inception_score",): Panel("Inception score"),
    ("ssim",): Panel("SSIM to the truth"),
    ("psnr",): Panel("PSNR to the truth, dB"),
    ("l1",): Panel("L1 to the truth"),
    ("lpips",): Panel("LPIPS to the truth"),
    ("feature_distance",): Panel("distance of features to the truth"),
    ("accuracy", "miou"): Panel("pixel accuracy and mIoU"),
    ("cycle_l1",): Panel("L1 after translating back"),
}
"""Panels of validation scores, by name. Other scores are not drawn."""


def read_log(log: Path) -> dict[str, Series]:
    """The columns of a CSV log that have finite values, by name; none if the file is empty or does not exist.

    Skipped are cells without a finite number, damaged lines (see :func:`.read_metrics_log`), and values at a smaller
    step than the one before: a separate ``validate`` logs at step 0, whatever it validates.
    """
    if not log.is_file():
        return {}
    found = read_metrics_log(log)
    columns = {name: Series([], []) for name in found.columns if name not in ("epoch", "step")}
    for row in found.rows:
        step = int(row["step"])
        for name, series in columns.items():
            add_value(series, step, parse_number(row[name]))
    return {name: series for name, series in columns.items() if series.steps}


def parse_number(cell: str) -> float:
    """The number in a cell; NaN if there is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def add_value(series: Series, step: int, value: float) -> None:
    """Add a logged value, unless it is not finite or of a smaller step than the one before.

    Args:
        series: is changed.
        step: index of the step, which Lightning logs.
        value: the value.
    """
    if math.isfinite(value) and not (series.steps and step < series.steps[-1]):
        series.steps.append(step + 1)
        series.values.append(value)


def select_panels(columns: Iterable[str]) -> list[Panel]:
    """The panels of a log with these columns: training first, then validation scores, then learning rates.

    Domains of a translation are lines of one panel: ``val/a/fid`` and ``val/b/fid``, ``logit/real_a`` and
    ``logit/real_b``.
    """
    names = list(columns)
    drawn = _loss_panels(names)
    drawn += [panel._replace(lines=_with_colors(_of_group(names, group))) for group, panel in TRAINING.items()]
    drawn += [_score_panel(names, scores, panel) for scores, panel in SCORES.items()]
    drawn.append(Panel("learning rate", _with_colors(_of_group(names, "lr"))))
    return [panel for panel in drawn if panel.lines]


Found = list[tuple[str, str, str]]
"""Columns, each with the value's name and the domain."""


def _of_group(columns: list[str], group: str) -> Found:
    """The columns ``group``, ``group/name`` and ``group/name_a``, where ``a`` is a domain; a group may be a column."""
    found = []
    for column in columns:
        head, _, name = column.partition("/")
        if group in (head, column):
            stem, _, end = name.rpartition("_")
            found.append((column, stem, end) if stem and end in ("a", "b") else (column, name or group, ""))
    return found


def _loss_panels(columns: list[str]) -> list[Panel]:
    """A panel for each loss: first those of the networks, then the others."""
    found = _of_group(columns, "loss")
    panels = []
    for name in dict.fromkeys([*LOSS_TITLES, *(name for _, name, _ in found)]):
        title = LOSS_TITLES.get(name, "loss" if name == "loss" else f"loss: {name}")
        panels.append(LOSS._replace(title=title, lines=_with_colors([each for each in found if each[1] == name])))
    return panels


def _score_panel(columns: list[str], scores: tuple[str, ...], panel: Panel) -> Panel:
    """A panel with the columns ``val/score`` and ``val/a/score``, where ``a`` is a domain, ordered by score."""
    found = []
    for score in scores:
        for column in columns:
            split, *domain = column.split("/")
            if split == "val" and domain and domain.pop() == score:
                found.append((column, score, "/".join(domain)))
    # The first score has the color of the generator.
    lines, names = _with_colors(found, BLUE), {name for _, name, _ in found}
    return panel._replace(lines=lines, better=better(scores[0]), mark_best=len(names) == 1)


def _with_colors(found: Found, *first: str) -> tuple[Line, ...]:
    """Lines, each with a color of its own; a name has the same one in all panels if it has a role."""
    domains = list(dict.fromkeys(domain for _, _, domain in found))
    has_role = [name in ROLES and domain == domains[0] for _, name, domain in found]
    others = cycle((*first, *OTHERS))
    return tuple(
        Line(column, name, domain, ROLES[name] if role else next(others))
        for (column, name, domain), role in zip(found, has_role, strict=True)
    )


def index_of_best(series: Series, mode: Literal["min", "max"]) -> int:
    """The index of the first minimum or maximum."""
    return series.values.index((min if mode == "min" else max)(series.values))


def running_mean(values: list[float]) -> list[float]:
    """For each value the mean over a window of a twentieth of all values, which is cut off at both ends."""
    half = len(values) // 40
    return [fmean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]


def draw_curves(log: Path, figure: Path, title: str = "") -> None:
    """Draw the curves of a CSV log as a PNG. Nothing is written if there are none.

    Args:
        log: the CSV file.
        figure: the PNG file; its folder is created if necessary.
        title: of the figure, such as the run's name.

    Raises:
        RunEnded: if the figure cannot be written.
    """
    columns = read_log(log)
    drawn = select_panels(columns)
    if not drawn:
        return
    width = 2 if len(drawn) == 4 else min(3 if len(drawn) < 10 else 4, len(drawn))
    height = math.ceil(len(drawn) / width)
    canvas = Figure(figsize=(3.7 * width, 2 * height + (0.5 if title else 0.2)), layout="constrained")
    if title:
        canvas.suptitle(title, fontsize=10, x=0.01, ha="left")
    grid = list(canvas.subplots(height, width, sharex=True, squeeze=False).flat)
    for axes, panel in zip(grid, drawn, strict=False):
        draw_panel(axes, panel, columns)
    for axes in grid[len(drawn) :]:
        axes.remove()
    for axes in grid[max(0, len(drawn) - width) : len(drawn)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("step", fontsize=8)
    with atomic_file(figure) as temporary:
        canvas.savefig(temporary, dpi=110)


def draw_panel(axes: Axes, panel: Panel, columns: dict[str, Series]) -> list[Line2D]:
    """Draw a panel with its title and legend above the axes, and return what is drawn of each line."""
    drawn = []
    domains = list(dict.fromkeys(line.domain for line in panel.lines if line.domain))
    for line in panel.lines:
        dashes = DASHES[domains.index(line.domain) % len(DASHES)] if line.domain else "-"
        drawn.append(_draw_line(axes, panel, line, columns[line.column], dashes))
        _draw_interval(axes, line, columns)
    if panel.level is not None:
        axes.axhline(panel.level, color=GRAY, linestyle="--", linewidth=0.8, zorder=0)
    if panel.log:
        _set_scale(axes, [value for line in panel.lines for value in columns[line.column].values])
    axes.set_title(panel.heading, fontsize=8.5, loc="left")
    if len(panel.lines) > 1 or panel.mark_best:
        letters = sum(len(text) for text in axes.get_legend_handles_labels()[1])
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.02, 0.97),
            ncols=len(panel.lines) if letters <= 26 else math.ceil(len(panel.lines) / 2),
            fontsize=7,
            frameon=False,
            handlelength=1.6,
            handletextpad=0.5,
            columnspacing=1,
        )
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def _draw_line(axes: Axes, panel: Panel, line: Line, series: Series, dashes: Any) -> Line2D:
    """Draw a line in the style of its panel; the points of a line of few values, and its best value if it is marked."""
    label, values = f"{line.name} {line.domain}", series.values
    if panel.mark_best and panel.better:
        best = index_of_best(series, panel.better)
        label = f"{line.domain} best {values[best]:.3g} at {series.steps[best]:,}"
        axes.plot(series.steps[best], values[best], color=line.color, marker="o", markersize=5.5)
    if panel.smooth:
        axes.plot(*series, color=line.color, linewidth=0.6, alpha=0.35)
        values = running_mean(values)
    (drawn,) = axes.plot(
        series.steps,
        values,
        color=line.color,
        linestyle=dashes,
        linewidth=1.2,
        marker="o" if len(values) <= FEW else "",
        markersize=2.5,
        label=label.strip(),
    )
    return drawn


def _draw_interval(axes: Axes, line: Line, columns: dict[str, Series]) -> None:
    """Shade the confidence interval of a score if the log has it."""
    steps, values = columns[line.column]
    interval = columns.get(f"{line.column}_ci95")
    if interval and interval.steps == steps:
        low = [value - half_width for value, half_width in zip(values, interval.values, strict=True)]
        high = [value + half_width for value, half_width in zip(values, interval.values, strict=True)]
        axes.fill_between(steps, low, high, color=line.color, alpha=0.15, linewidth=0)


def _set_scale(axes: Axes, values: list[float]) -> None:
    """Use a logarithmic axis if values differ by more than a factor of ten; linear near 0 if some are not positive."""
    least, most = min(values), max(values)
    if least <= 0:
        if most > 0:
            axes.set_yscale("symlog", linthresh=10 ** math.floor(math.log10(most) - 2))
    elif most > 10 * least:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if most < 300 * least else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
