"""The checkpoint to resume from."""

from __future__ import annotations

import signal
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from lightning_gans.callbacks.signals import WARNINGS, DeferredSignals, requeue, slurm_job
from lightning_gans.core.errors import RunEnded, at_least
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.folder import RunFolder, writes_files

AGREE_EVERY = 10
"""Steps from one exchange of signals among processes to the next: it lets a device wait for its host."""


class LastCheckpoint(Checkpoint):
    """Keeps the newest state of the run in ``checkpoints/last.ckpt``.

    It is written every few steps, after every validation, and when a signal asks the run to end: SIGINT (Ctrl-C),
    SIGTERM, SIGUSR1 or SIGUSR2. The signal is noted at once and obeyed by all processes together on a whole step, the
    next one of a single process, one of the next ten of several; one that comes in a validation, or in the step before
    it, waits for its end. After SIGUSR1 or SIGUSR2 a SLURM job puts itself back into the queue.

    Lightning's own ModelCheckpoint does not fit here: in manual optimization it warns at every step-wise save and
    ignores time intervals. Its handlers of signals save within a step and can wait for each other forever.

    Args:
        every_n_steps: steps between saves within an epoch; 0 saves after validation only.

    Raises:
        InputError: if ``every_n_steps`` is negative.
        RunEnded: in training, after a signal, once the state is saved.
    """

    def __init__(self, every_n_steps: int = 500) -> None:
        at_least("last.every_n_steps", every_n_steps, 0)
        self.every_n_steps = every_n_steps
        self._saved_step = -1
        self._signals = DeferredSignals()
        self._asked_for = 0

    def _save(self, trainer: Trainer) -> None:
        if writes_files(trainer):
            trainer.save_checkpoint(RunFolder.of(trainer).last_checkpoint, weights_only=False)
            self._saved_step = trainer.global_step

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the log of a resumed run go on where its checkpoint was written; note signals from here on."""
        for logger in trainer.loggers:
            if isinstance(logger, ResumableCSVLogger) and trainer.global_step:
                logger.resume_at(trainer.global_step)
        self._signals.install()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save at the interval, and before the end that a signal asks for."""
        agree = trainer.world_size == 1 or trainer.global_step % AGREE_EVERY == 0
        self._asked_for = self._asked(trainer) if agree else 0
        # Not after an epoch's last batch: Lightning would go through the whole epoch again. `max_steps` counts here and
        # not at the end, when an epoch that it cuts is taken for a whole one, so that a run can be prolonged.
        wanted = self._asked_for or self._due(trainer) or trainer.global_step == trainer.max_steps
        if wanted and not trainer.is_last_batch:
            self._save(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """End here if that was asked for: by now the loggers have what the last step has logged."""
        self._end_if_asked(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save and end likewise at the end of an epoch, where no validation has done it."""
        if (self._due(trainer) or self._asked_for) and self._saved_step != trainer.global_step:
            self._save(trainer)
        self._end_if_asked(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save with the scores just computed."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._save(trainer)
            self._asked_for = max(self._asked_for, self._asked(trainer))
            self._end_if_asked(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what no validation has saved."""
        if self._saved_step != trainer.global_step:
            self._save(trainer)
        self._signals.restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave signals to whom they belonged."""
        self._signals.restore()

    def _due(self, trainer: Trainer) -> bool:
        return self.every_n_steps > 0 and trainer.global_step % self.every_n_steps == 0

    def _asked(self, trainer: Trainer) -> int:
        """The number of the signal that some process has noted, the same on all; 0 for none."""
        if trainer.world_size == 1:
            return self._signals.noted
        noted = torch.tensor(self._signals.noted, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(noted, reduce_op="max"))

    def _end_if_asked(self, trainer: Trainer) -> None:
        """Raise the end that a signal has asked for, after everything is saved; a job is back in the queue by then."""
        number, self._asked_for = self._asked_for, 0
        if number:
            raise self._ended(trainer, number)

    def _ended(self, trainer: Trainer, number: int) -> RunEnded:
        for logger in trainer.loggers:
            # A job that is back in the queue is killed at once.
            logger.save()
            if isinstance(logger, WandbLogger) and trainer.is_global_zero:
                logger.experiment.finish()
        kept = RunFolder.of(trainer).last_checkpoint
        what = f"ended by {signal.Signals(number).name} after step {trainer.global_step}, saved in {kept}"
        job = slurm_job()
        if number in WARNINGS and job is not None:
            failed = requeue(job) if trainer.is_global_zero else None
            if failed is None:
                return RunEnded(f"{what}; job {job} is back in the queue", status=0)
            what += f"; job {job} could not be put back into the queue ({failed})"
        return RunEnded(f"{what}; resume with --ckpt_path {kept}", status=128 + number)
