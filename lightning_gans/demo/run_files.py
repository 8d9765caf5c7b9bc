"""Curves, grids and scores of a run for the page; its files themselves are not served."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.record import ModelMetadata
from lightning_gans.runs.scores import ScoreRow, parse_complete_rows


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


def timeline(run: RunFolder) -> list[Moment]:
    """The validations of a run that drew grids, oldest first."""
    found: dict[tuple[int, int], dict[str, Path]] = {}
    for grid in run.grids("val"):
        found.setdefault((grid.epoch, grid.step), {})[grid.domain] = grid.path
    return [Moment(*moment, found[moment]) for moment in sorted(found)]


def grid_picture(path: Path) -> Image.Image:
    """Read a grid.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        # Not Image.open, whose limit of pixels is set to that of uploads.
        with PngImageFile(path) as file:
            file.load()
            return file.copy()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"the grid {path.name} cannot be read ({error})") from error


def curves(run: RunFolder) -> Image.Image | None:
    """The curves of the run's log until now; None if nothing in it can be drawn."""
    from lightning_gans.runs.curves import draw_curves  # Matplotlib takes a while

    with tempfile.TemporaryDirectory() as folder:
        figure = RunFolder(Path(folder)).curves
        draw_curves(run.metrics, figure)
        return grid_picture(figure) if figure.is_file() else None


def newest_scores(run: RunFolder | None, metadata: ModelMetadata) -> list[ScoreRow]:
    """The newest row of scores of each stamp, from the checkpoint and from the run's file."""
    rows = parse_complete_rows(metadata.get("scores", [])) + (run.read_scores("skip") if run else [])
    # The domains of a translation have equal stamps.
    return list({(str(row.stamp), *sorted(row.scores)): row for row in rows}.values())


def scores_text(rows: list[ScoreRow]) -> str:
    """Rows of scores in Markdown, each with its stamp."""
    parts = []
    for row in rows:
        step, epoch = ("?" if count is None else count for count in (row.step, row.epoch))
        lines = [f"| {name} | {value:.4g} |" for name, value in row.scores.items()]
        parts += [
            f"**step {step}, epoch {epoch}**",
            "\n".join(["| Score | Value |", "| --- | ---: |", *lines]),
            f"`{row.stamp}`",
        ]
    return "\n\n".join(parts) or "No scores are known."
