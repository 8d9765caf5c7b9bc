"""Callbacks that observe or alter a run: averages, scores, images, checkpoints. They do not depend on the variant."""

from lightning_gans.callbacks.analysis import Analysis
from lightning_gans.callbacks.best import BestCheckpoint
from lightning_gans.callbacks.checkpoints import LastCheckpoint
from lightning_gans.callbacks.ema import EMA
from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.performance import TF32, Compilation, SpeedLog
from lightning_gans.callbacks.run_folder import Curves, FitFile, ResultsFile, RunLock
from lightning_gans.callbacks.samples import PredictionWriter, SampleGrid
from lightning_gans.callbacks.standard import CALLBACKS, default_callbacks
from lightning_gans.callbacks.watchdog import Watchdog

__all__ = [
    "CALLBACKS",
    "EMA",
    "TF32",
    "Analysis",
    "BestCheckpoint",
    "Compilation",
    "Curves",
    "Evaluation",
    "FitFile",
    "LastCheckpoint",
    "PredictionWriter",
    "ResultsFile",
    "RunLock",
    "SampleGrid",
    "SpeedLog",
    "Watchdog",
    "default_callbacks",
]
