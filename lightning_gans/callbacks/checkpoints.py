"""The checkpoint to resume from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from lightning_gans.callbacks.run_folder import run_folder, writes
from lightning_gans.errors import at_least
from lightning_gans.loggers import ResumableCSVLogger


def last_checkpoint(folder: Path) -> Path:
    """Where the run in ``folder`` keeps its newest state."""
    return folder / "checkpoints" / "last.ckpt"


class LastCheckpoint(Checkpoint):
    """Keeps the newest state of the run in ``checkpoints/last.ckpt``: every few steps and after every validation.

    Lightning's own ModelCheckpoint does not fit here: in manual optimization it warns at every step-wise save and
    ignores time intervals.

    Args:
        every_n_steps: steps between saves within an epoch; 0 saves after validation only.

    Raises:
        InputError: if ``every_n_steps`` is negative.
    """

    def __init__(self, every_n_steps: int = 500) -> None:
        at_least("last.every_n_steps", every_n_steps, 0)
        self.every_n_steps = every_n_steps
        self._saved_step = -1

    def _save(self, trainer: Trainer) -> None:
        if writes(trainer):
            trainer.save_checkpoint(last_checkpoint(run_folder(trainer)), weights_only=False)
            self._saved_step = trainer.global_step

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the log of a resumed run go on where its checkpoint was written."""
        for logger in trainer.loggers:
            if isinstance(logger, ResumableCSVLogger) and trainer.global_step:
                logger.go_on_from(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save at the interval."""
        if self.every_n_steps and trainer.global_step % self.every_n_steps == 0:
            self._save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save with the scores just computed."""
        if trainer.state.fn == TrainerFn.FITTING:
            self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what no validation has saved."""
        if self._saved_step != trainer.global_step:
            self._save(trainer)
