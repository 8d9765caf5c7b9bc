"""What a run's folder holds for the page: curves, grids and scores; no file of it is served as such."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from lightning_gans.core.errors import InputError
from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.reporting.text import stamp_line

GRID = re.compile(r"epoch-(\d+)-step-(\d+)(?:-(.+))?\.png")
"""What :class:`lightning_gans.callbacks.samples.SampleGrid` calls a grid."""


class Moment(NamedTuple):
    """The grids of one validation.

    Attributes:
        epoch: epochs begun.
        step: steps done.
        grids: files by domain; "" where there is one domain only.
    """

    epoch: int
    step: int
    grids: dict[str, Path]

    def __str__(self) -> str:
        return f"epoch {self.epoch}, step {self.step:,}"


def run_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint is from, if it still lies in one."""
    place = checkpoint.resolve()
    if place.is_dir():
        folder = place.parent if place.name == "checkpoints" else place
        return folder if (folder / "checkpoints").is_dir() else None
    return place.parent.parent if place.parent.name == "checkpoints" else None


def timeline(run: Path) -> list[Moment]:
    """The validations of a run that left grids, in order."""
    found: dict[tuple[int, int], dict[str, Path]] = {}
    for path in sorted((run / "samples").glob("epoch-*.png")):
        if named := GRID.fullmatch(path.name):
            epoch, step, domain = named.groups(default="")
            found.setdefault((int(epoch), int(step)), {})[domain] = path
    return [Moment(*moment, found[moment]) for moment in sorted(found)]


def grid_picture(path: Path) -> Image.Image:
    """A grid.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        # Not Image.open, whose bound on pixels is that of uploads here.
        with PngImageFile(path) as file:
            file.load()
            return file.copy()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"the grid {path.name} cannot be read ({error})") from error


def curves(run: Path) -> Image.Image | None:
    """The curves of what the run has logged until now; None where it has logged nothing that can be drawn."""
    from lightning_gans.runs.curves import draw_curves  # Matplotlib takes a while

    with tempfile.TemporaryDirectory() as folder:
        figure = Path(folder) / "curves.png"
        draw_curves(run / "metrics.csv", figure)
        return grid_picture(figure) if figure.is_file() else None


def score_rows(run: Path | None, metadata: ModelMetadata) -> list[dict[str, Any]]:
    """Rows of scores, the newest of each stamp: those that the checkpoint knows, and those of the run's file."""
    rows = list(metadata.get("scores", []))
    file = run / "scores.jsonl" if run else None
    if file and file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            # A killed run may leave half a line.
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    newest = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("scores"), dict) and isinstance(row.get("stamp"), dict):
            # A translation's domains have one stamp.
            newest[str(sorted(row["stamp"].items())) + str(sorted(row["scores"]))] = row
    return list(newest.values())


def scores_text(rows: list[dict[str, Any]]) -> str:
    """Rows of scores in Markdown, each with its stamp."""
    parts = []
    for row in rows:
        scores = {name: f"{value:.4g}" for name, value in row["scores"].items() if isinstance(value, int | float)}
        parts += [
            f"**step {row.get('step', '?')}, epoch {row.get('epoch', '?')}**",
            "\n".join(
                ["| Score | Value |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in scores.items())]
            ),
            f"`{stamp_text(row['stamp'])}`",
        ]
    return "\n\n".join(parts) or "No scores are known."


def stamp_text(stamp: dict[str, Any]) -> str:
    """A stamp as it is printed elsewhere; one of an older version, which knows less, as it is."""
    try:
        return stamp_line(stamp, [stamp["seed"]])
    except KeyError:
        return " | ".join(f"{name} {value}" for name, value in stamp.items())
