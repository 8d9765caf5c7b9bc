"""The callbacks of every run, by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch.callbacks import Callback, ModelSummary, ProgressBar

from lightning_gans.callbacks.analysis import Analysis
from lightning_gans.callbacks.best import BestCheckpoint
from lightning_gans.callbacks.checkpoints import LastCheckpoint
from lightning_gans.callbacks.ema import EMA
from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.layers import NetworkSummary
from lightning_gans.callbacks.performance import TF32, Compilation, SpeedLog
from lightning_gans.callbacks.progress import RunProgress
from lightning_gans.callbacks.run_folder import Curves, FitFile, RunLock, SettingsFile
from lightning_gans.callbacks.samples import PredictionWriter, SampleGrid
from lightning_gans.callbacks.watchdog import Watchdog

CALLBACKS: dict[str, type[Callback]] = {
    "ema": EMA,
    "evaluation": Evaluation,
    "analysis": Analysis,
    "samples": SampleGrid,
    "watchdog": Watchdog,
    "best": BestCheckpoint,
    "last": LastCheckpoint,
    "predictions": PredictionWriter,
    "compile": Compilation,
    "tf32": TF32,
}
"""Callbacks that every run has, by their key on the command line."""


def screen_callbacks(callbacks: Iterable[Callback], settings: dict[str, Any]) -> list[Callback]:
    """What a run shows in place of Lightning's own: its progress and its networks.

    Args:
        callbacks: those of the run; one that shows the same takes the place of ours.
        settings: the trainer's arguments. Its ``enable_model_summary`` becomes false, so that Lightning adds none.
    """
    given, ours = list(callbacks), list[Callback]()
    if settings.get("enable_progress_bar") is not False and not any(isinstance(each, ProgressBar) for each in given):
        ours.append(RunProgress())
    if settings.get("enable_model_summary") is not False and not any(isinstance(each, ModelSummary) for each in given):
        ours.append(NetworkSummary())
        settings["enable_model_summary"] = False
    return ours


def default_callbacks(**replaced: Callback | None) -> list[Callback]:
    """The callbacks that a run of the command line has, for a trainer in Python.

    With them, ``lightning.Trainer(callbacks=default_callbacks())`` averages the generator, scores it, draws grids,
    watches for collapse, and keeps the best and the newest checkpoint, the log's figure and a lock in the run's folder.

    Args:
        **replaced: a callback in place of the one of that key of :data:`CALLBACKS`, such as
            ``ema=EMA(decay=0.999)``; None leaves it out.

    Raises:
        ValueError: if a key is unknown.
    """
    if unknown := sorted(replaced.keys() - CALLBACKS.keys()):
        raise ValueError(f"{unknown[0]} is not a callback's key; expected one of {', '.join(CALLBACKS)}")
    chosen = [replaced[key] if key in replaced else make() for key, make in CALLBACKS.items()]
    first = [RunLock(), SettingsFile(), FitFile(), Curves(), SpeedLog()]
    return [*first, *(callback for callback in chosen if callback is not None)]
