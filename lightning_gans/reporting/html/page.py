"""The report: one HTML file that loads nothing from elsewhere, in which runs are compared.

Scores share a table if their stamps are equal, and of the settings those are shown that differ.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from lightning_gans.core import __version__
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.files import atomic_file, require_new_path
from lightning_gans.reporting.html.plots import RUNS, overlay_runs, plot_panels
from lightning_gans.reporting.html.run_report import RunReport
from lightning_gans.reporting.table import DASH, format_number, format_setting
from lightning_gans.runs.scores import MIN_IMAGES_FOR_FID, PER_CLASS_SCORE, SPLITS, ScoreRow, order_scores

EXCLUDED = ("trainer.logger.", "ckpt_path")
"""Settings that differ between any two runs: where a run writes, and what it resumes from."""


class Measurement(NamedTuple):
    """A row of scores, as text.

    Attributes:
        epoch: of the checkpoint; a dash if it is not recorded.
        step: of the checkpoint; a dash if it is not recorded.
        scores: by name without the split.
    """

    epoch: str
    step: str
    scores: dict[str, str]


@dataclass(frozen=True)
class ScoreGroup:
    """Rows of scores with equal stamps. Only these share a table.

    Attributes:
        split: "test" or "val"; empty for rows with scores of several splits.
        stamp: in words, with the seeds of all rows.
        names: of scores, the most informative first.
        rows: newest first, by the index of their run on the page; runs without such rows are left out.
    """

    split: str
    stamp: str
    names: list[str]
    rows: dict[int, list[Measurement]]

    @property
    def summary_scores(self) -> list[str]:
        """The names without scores of single classes."""
        return [name for name in self.names if not PER_CLASS_SCORE.search(name)]


def group_scores(runs: Iterable[tuple[int, RunReport]]) -> list[ScoreGroup]:
    """Group rows of scores by split and stamp: tests first, and groups of many scores before those of few.

    Args:
        runs: each with its index on the page.
    """
    groups: dict[tuple[str, str], list[tuple[int, ScoreRow]]] = {}
    for index, run in runs:
        for row in reversed(run.rows):
            groups.setdefault((row.split, row.stamp.key), []).append((index, row))
    found = [_make_group(rows) for rows in groups.values()]
    return sorted(found, key=lambda group: ((*SPLITS, "").index(group.split), -len(group.names)))


def _make_group(rows: list[tuple[int, ScoreRow]]) -> ScoreGroup:
    """A group of rows of one split and stamp, each with the index of its run."""
    measurements: dict[int, list[Measurement]] = {}
    for index, row in rows:
        scores = {name: format_number(value) for name, value in row.short_scores.items()}
        _add_older(measurements.setdefault(index, []), Measurement(_count(row.epoch), _count(row.step), scores))
    names = dict.fromkeys(name for listed in measurements.values() for row in listed for name in row.scores)
    stamp = rows[0][1].stamp
    seeds = sorted({row.stamp.seed for _, row in rows})
    compares_sets = any(name.rpartition("/")[2] == "fid" for name in names)
    images = stamp.images if compares_sets else MIN_IMAGES_FOR_FID
    return ScoreGroup(rows[0][1].split, stamp.describe(seeds), order_scores(names, images), measurements)


def _add_older(rows: list[Measurement], row: Measurement) -> None:
    """Add an older row, merged into the last one if both are domains of one evaluation."""
    last = rows[-1] if rows else None
    if last and last[:2] == row[:2] and not last.scores.keys() & row.scores.keys():
        rows[-1] = last._replace(scores=row.scores | last.scores)
    else:
        rows.append(row)


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def differing_settings(runs: list[RunReport]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, in the order of the configs, with each run's value."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if not key.startswith(EXCLUDED))
    # A missing key equals null: an older config lacks the keys that were added since.
    rows = [(key, [_as_yaml(run.settings.get(key)) for run in runs]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else format_setting(value)


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
