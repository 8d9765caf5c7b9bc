"""What is not the model: averages, scores, pictures, checkpoints. None of them asks which variant runs."""

from lightning_gans.callbacks.analysis import Analysis
from lightning_gans.callbacks.checkpoints import LastCheckpoint
from lightning_gans.callbacks.compilation import Compilation
from lightning_gans.callbacks.curves import Curves
from lightning_gans.callbacks.ema import EMA
from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.samples import PredictionWriter, SampleGrid
from lightning_gans.callbacks.watchdog import Watchdog

__all__ = [
    "EMA",
    "Analysis",
    "Compilation",
    "Curves",
    "Evaluation",
    "LastCheckpoint",
    "PredictionWriter",
    "SampleGrid",
    "Watchdog",
]
