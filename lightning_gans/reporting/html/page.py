"""The report: one HTML file that loads nothing from elsewhere, in which runs are compared.

Scores share a table if their stamps are equal, and of the settings those are shown that differ.
"""

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
from lightning_gans.reporting.html.over_time import scores_over_time
from lightning_gans.reporting.html.plots import RUNS, Plot, overlay_runs, plot_panels
from lightning_gans.reporting.html.run_report import RunReport
from lightning_gans.reporting.html.score_groups import group_scores
from lightning_gans.reporting.table import DASH, format_number, format_setting
from lightning_gans.runs.scores import ARROWS, better

EXCLUDED = ("trainer.logger.", "ckpt_path")
"""Settings that differ between any two runs: where a run writes, and what it resumes from."""


def differing_settings(runs: list[RunReport]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, in the order of the configs, with each run's value."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if not key.startswith(EXCLUDED))
    # A missing key equals null: an older config lacks the keys that were added since.
    rows = [(key, [_as_yaml(run.settings.get(key)) for run in runs]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else format_setting(value)


def facts(run: RunReport) -> dict[str, str]:
    """Facts about a run by name; a dash for one that is not known."""
    warnings = len(run.warnings)
    return {
        "Variant": run.variant,
        "Data": run.data or DASH,
        "Started from": run.started_from or DASH,
        "Seed": run.seed,
        "Reached": run.progress,
        "Device": run.device or DASH,
        "Trained for": duration(run.train_seconds) or DASH,
        "Started": moment(run.started),
        "Last written": moment(run.written),
        "Watchdog": f"{warnings or 'no'} warning{'' if warnings == 1 else 's'}",
    }


def known_facts(runs: list[RunReport]) -> dict[str, list[str]]:
    """Facts about runs by name, each with the value of each run; those that are not known of any run are left out."""
    found = [facts(run) for run in runs]
    rows = {name: [each[name] for each in found] for name in found[0]}
    return {name: values for name, values in rows.items() if set(values) != {DASH}}


HERE = Path(__file__).parent

DASHES = ("solid", "dashed", "dotted")
"""CSS line styles of the legend, which match :data:`lightning_gans.runs.curves.DASHES`."""

NEWEST = 3
"""Number of rows of scores that are visible at first."""


def render(runs: list[RunReport]) -> str:
    """The report of at least one run."""
    places = list(enumerate(runs))
    plots, summary = [plot_panels(run.log, run.name) for run in runs], group_scores(places)
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            title=runs[0].name if len(runs) == 1 else f"{len(runs)} runs",
            runs=runs,
            marks=[
                (f"var(--run-{place % len(RUNS)})", DASHES[place // len(RUNS) % len(DASHES)]) for place, _ in places
            ],
            summary=summary,
            over_time=scores_over_time(summary, [run.name for run in runs]),
            scores=[group_scores([(0, run)]) for run in runs],
            differing=differing_settings(runs),
            overlaid=overlay_runs({run.name: run.log for run in runs}) if len(runs) > 1 else [],
            plots=plots,
            facts=known_facts(runs),
            blocks=known_blocks(runs, plots),
            newest=NEWEST,
            **page_facts(),
        )
    )


def page_environment(*folders: Path) -> Environment:
    """What renders templates of pages.

    Args:
        folders: of templates, before that of the report.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "as_text": as_text,
        "duration": duration,
        "moment": moment,
        "breakable": breakable,
        "arrow": with_arrow,
    }
    return environment


def page_facts() -> dict[str, Any]:
    """The style and the script of pages, and what wrote them and when."""
    script = (HERE / "report.js").read_text(encoding="utf-8")
    return {
        "style": Markup((HERE / "report.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        # The browser runs only this script, and none that a name or a setting may contain.
        "script_hash": b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "version": __version__,
        "now": datetime.now(UTC),
    }


def known_blocks(runs: list[RunReport], plots: list[list[Plot]]) -> set[str]:
    """The blocks of the runs that are shown: of several runs those with content for some run, of one run all."""
    content: dict[str, list[Any]] = {
        "samples": [run.timelines or run.tests for run in runs],
        "curves": plots,
        "scores": [run.rows for run in runs],
        "watchdog": [run.warnings for run in runs],
        "analysis": [run.analysis for run in runs],
        "environment": [run.results or run.fit for run in runs],
    }
    return {name for name, parts in content.items() if len(runs) == 1 or any(parts)}


def as_text(value: Any) -> str:
    """A value of a warning's evidence; numbers with four digits."""
    return format_number(value) if isinstance(value, int | float) else str(value)


def with_arrow(name: str) -> str:
    """The name of a score, with an arrow to where it is better."""
    return f"{name} {ARROWS[better(name)]}".rstrip()


def breakable(text: str) -> Markup:
    """A key or a path with possible line breaks after each dot and slash."""
    return Markup(re.sub(r"([./])", r"\1<wbr>", str(escape(text))))


def duration(seconds: Any) -> str:
    """A duration in words; empty if it is not known."""
    if not isinstance(seconds, int | float) or not 0 < seconds < 1e9:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{max(0.1, round(seconds, 1)):g} s"


def moment(time: datetime) -> str:
    """A date and a time."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


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
