"""Curves of what a run logged."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from lightning_gans.runs.curves import draw_curves
from lightning_gans.runs.folder import RunFolder, writes_files


class Curves(Callback):
    """``curves.png`` in the run's folder at the end of ``fit``: losses, gradient norms, D's logits and scores by step.

    It is drawn from the CSV log, resumed parts included; without a CSV logger, or where nothing was logged yet, there
    is none.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what is logged so far, and draw it."""
        if not trainer.is_global_zero or not writes_files(trainer):
            return
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()
                log = Path(logger.log_dir) / logger.experiment.NAME_METRICS_FILE
                draw_curves(log, RunFolder.of(trainer).curves)
                return
