"""The messages at the end of a run."""

from __future__ import annotations

from typing import TypeVar

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_gans.callbacks import Analysis, Evaluation, SampleGrid
from lightning_gans.runs.folder import RunFolder

Kind = TypeVar("Kind", bound=Callback)


def fit_summary(trainer: Trainer) -> str:
    """The scores of a finished fit, and the paths of its images and checkpoints."""
    folder = RunFolder.of(trainer)
    lines = [f"run: {folder}"]
    lines += grid_lines(trainer)
    lines += [f"timeline: {path}" for path in folder.timelines()]
    if folder.curves.is_file():
        lines.append(f"curves: {folder.curves}")
    lines.append(scores_lines(trainer))
    for callback in callbacks_of(trainer, ModelCheckpoint):
        if callback.best_model_path:
            lines.append(f"best checkpoint: {callback.best_model_path}")
    lines.append(f"last checkpoint: {folder.last_checkpoint}")
    return "\n".join(lines)


def test_summary(trainer: Trainer) -> str:
    """The scores of a test, and the paths of its results."""
    results = RunFolder.of(trainer).results
    analyses = [f"analysis: {each.written}" for each in callbacks_of(trainer, Analysis) if each.written]
    return "\n".join([scores_lines(trainer), *grid_lines(trainer), *analyses, f"results: {results}"])


def grid_lines(trainer: Trainer) -> list[str]:
    """Paths of the newest sample grids, one line per domain."""
    return [f"grid: {path}" for grids in callbacks_of(trainer, SampleGrid) for path in grids.newest]


def scores_lines(trainer: Trainer) -> str:
    """The latest scores with their stamps, one line per domain."""
    return next((e.last_lines for e in callbacks_of(trainer, Evaluation) if e.last_lines), "no scores were measured")


def callbacks_of(trainer: Trainer, kind: type[Kind]) -> list[Kind]:
    """The trainer's callbacks of one kind."""
    return [callback for callback in trainer.callbacks if isinstance(callback, kind)]  # type: ignore[attr-defined]
