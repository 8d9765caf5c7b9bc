"""The report: one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from lightning_gans.core import __version__
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.files import atomic_file, require_new_path
from lightning_gans.reporting.html.comparison import differing_settings, group_scores
from lightning_gans.reporting.html.plots import RUNS, overlay_runs, plot_panels
from lightning_gans.reporting.html.run_report import RunReport
from lightning_gans.reporting.table import format_number

HERE = Path(__file__).parent

DASHES = ("solid", "dashed", "dotted")
"""CSS line styles of the legend, which match :data:`lightning_gans.runs.curves.DASHES`."""

NEWEST = 3
"""Number of rows of scores that are visible at first."""


def render(runs: list[RunReport]) -> str:
    """The report of at least one run."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"as_text": as_text, "duration": duration, "moment": moment, "breakable": breakable}
    script = (HERE / "report.js").read_text(encoding="utf-8")
    places = list(enumerate(runs))
    return environment.get_template("report.html.j2").render(
        title=runs[0].name if len(runs) == 1 else f"{len(runs)} runs",
        runs=runs,
        marks=[(f"var(--run-{place % len(RUNS)})", DASHES[place // len(RUNS) % len(DASHES)]) for place, _ in places],
        summary=group_scores(places),
        scores=[group_scores([(0, run)]) for run in runs],
        differing=differing_settings(runs),
        overlaid=overlay_runs({run.name: run.log for run in runs}) if len(runs) > 1 else [],
        plots=[plot_panels(run.log, run.name) for run in runs],
        newest=NEWEST,
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        # The browser runs only this script, and none that a name or a setting may contain.
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=__version__,
        now=datetime.now(UTC),
    )


def as_text(value: Any) -> str:
    """A value of a warning's evidence; numbers with four digits."""
    return format_number(value) if isinstance(value, int | float) else str(value)


def breakable(text: str) -> Markup:
    """A key or a path with possible line breaks after each dot and slash."""
    return Markup(re.sub(r"([./])", r"\1<wbr>", str(escape(text))))


def duration(seconds: Any) -> str:
    """A duration in words."""
    if not isinstance(seconds, int | float) or not seconds > 0:
        return "not known"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{format_number(seconds)} s"


def moment(time: datetime) -> str:
    """A date and a time."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def check_output(path: Path, overwrite: bool) -> None:
    """Check that a report can and may be written, before any work is done.

    Raises:
        InputError: if ``path`` does not end in .html, exists already, or its folder cannot be written to.
    """
    if path.suffix != ".html":  # a mistake with --overwrite must not replace a checkpoint
        raise InputError(f"--out is {path}; expected a name that ends in .html")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise InputError(f"--out is {path}, which is {kind}; expected the name of a file")
    if not path.exists():
        require_new_path(path)
    elif not overwrite:
        raise InputError(f"{path} exists already; give --overwrite to replace it, or another name with --out")


def write_page(path: Path, text: str) -> None:
    """Write a file completely or not at all.

    Raises:
        InputError: if it cannot be written, as on a full disk; an earlier file is kept.
    """
    try:
        with atomic_file(path) as temporary:
            # A path may contain bytes that are not UTF-8.
            temporary.write_bytes(text.encode(errors="replace"))
    except RunEnded as error:
        raise InputError(str(error)) from error
