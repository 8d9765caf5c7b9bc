"""The checkpoint to resume from, the validation after a run's last step, and the signals after which a run ends."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info

from lightning_gans.callbacks.run_folder import how_to_resume
from lightning_gans.core.errors import RunEnded, at_least
from lightning_gans.runs.checkpoint_io import copy_checkpoint
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.folder import RunFolder, writes_files

SIGNAL_SYNC_INTERVAL = 10
"""Steps between two exchanges of signals among processes, each of which lets the device wait for its host."""

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Ctrl-C; the end of a job or machine; a scheduler's warning before it (sites use either of the two)."""

REQUEUE_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals after which a SLURM job is requeued."""


class LastCheckpoint(Checkpoint):
    """Saves the newest state of the run to ``checkpoints/last.ckpt``.

    The checkpoint is written every ``every_n_steps`` steps, after every validation, and before a signal ends the run:
    SIGINT (Ctrl-C), SIGTERM, SIGUSR1 or SIGUSR2. A signal takes effect between two steps, for all processes together:
    after the current step with a single process, within ten steps with several. A signal during a validation, or in the
    step before it, takes effect after the validation. After SIGUSR1 or SIGUSR2 a SLURM job requeues itself.

    Copies of it can be kept along the run, as ``checkpoints/step-0001000.ckpt`` of step 1,000: ``test --ckpt_path all``
    tests each of them, which gives the scores over the time of training. Each takes as much space as ``last.ckpt``.

    After the last step there is a validation, also if it is no step of the trainer's schedule, as with a ``max_steps``
    below its interval; ``limit_val_batches=0`` leaves it out. So every run that ends has scores, a grid and a best
    checkpoint.

    Lightning's ModelCheckpoint warns at every step-wise save in manual optimization and ignores time intervals. Its
    signal handlers save within a step, and those of different processes can wait for each other forever.

    Args:
        every_n_steps: steps between saves within an epoch; 0 saves after validation only.
        keep_every_n_steps: steps between states that are kept; 0 keeps none.
        keep_validated: whether the state of every validation is kept.

    Raises:
        ValueError: if a number is negative.
        RunEnded: in training, after a signal, when the state is saved.
    """

    def __init__(self, every_n_steps: int = 500, keep_every_n_steps: int = 0, keep_validated: bool = False) -> None:
        at_least("every_n_steps", every_n_steps, 0)
        at_least("keep_every_n_steps", keep_every_n_steps, 0)
        self.every_n_steps = every_n_steps
        self.keep_every_n_steps = keep_every_n_steps
        self.keep_validated = keep_validated
        self._saved_step = -1
        self._signals = DeferredSignals()
        self._pending_signal = 0
        self._schedule: tuple[int | None, int | float | None] | None = None
        self._progress: dict[str, Any] = {}
        self._hint = ""

    def _save(self, trainer: Trainer, validated: bool = False) -> None:
        if not writes_files(trainer):
            return
        folder, step = RunFolder.of(trainer), trainer.global_step
        trainer.save_checkpoint(folder.last_checkpoint, weights_only=False)
        self._saved_step = step
        if trainer.is_global_zero and ((validated and self.keep_validated) or is_due(self.keep_every_n_steps, step)):
            copy_checkpoint(folder.last_checkpoint, folder.kept_checkpoint(step))

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let the best checkpoint keep its score if the run's folder was moved, or is called from another folder."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set outside __init__
            state = checkpoint["callbacks"].get(callback.state_key)
            if isinstance(callback, ModelCheckpoint) and state:
                checkpoint["callbacks"][callback.state_key] = follow_folder(state, str(callback.dirpath))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the logs of a resumed run continue from the checkpoint's step, and handle signals from here on."""
        if trainer.global_step and writes_files(trainer):
            for logger in trainer.loggers:
                if isinstance(logger, ResumableCSVLogger):
                    logger.resume_at(trainer.global_step)
            if trainer.is_global_zero:
                RunFolder.of(trainer).resume_at(trainer.global_step)
        if trainer.is_global_zero and writes_files(trainer):
            self._hint = f"resume with: {how_to_resume(trainer)}"
        self._signals.install()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save at the interval, and before a signal ends the run."""
        synchronize = trainer.world_size == 1 or trainer.global_step % SIGNAL_SYNC_INTERVAL == 0
        self._pending_signal = self.requested_signal(trainer) if synchronize else 0
        # Not after an epoch's last batch: a validation or the end of the epoch follows, in which the state is saved.
        # The last batch of `max_steps` is saved here, before Lightning counts its epoch as finished.
        due = self._pending_signal or self._due(trainer) or trainer.global_step == trainer.max_steps
        validates = is_last_step(trainer) and trainer.enable_validation
        if validates:
            self._validate_after(trainer, batch_idx)
        elif due and not trainer.is_last_batch:
            self._save(trainer)

    def _validate_after(self, trainer: Trainer, batch_idx: int) -> None:
        """Let Lightning validate after this batch, whatever its schedule, which the validation's end restores."""
        self._schedule = trainer.check_val_every_n_epoch, trainer.val_check_batch
        self._progress = copy.deepcopy(trainer.fit_loop.state_dict())
        if trainer.val_check_batch is None:  # validations are at intervals of time
            trainer.should_stop = True
        trainer.check_val_every_n_epoch, trainer.val_check_batch = 1, batch_idx + 1

    def _restore_schedule(self, trainer: Trainer) -> None:
        if self._schedule is not None:
            trainer.check_val_every_n_epoch, trainer.val_check_batch = self._schedule
            self._schedule, self._progress = None, {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Store the progress of before the validation of the last step.

        It need not be one of the schedule of a run that is resumed to train longer, in which Lightning looks for it.
        """
        if self._progress:
            checkpoint["loops"]["fit_loop"] = self._progress

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """End the run here after a signal, when the loggers have received the values of the last step."""
        self._end_after_signal(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save and end in the same way at the end of an epoch without validation."""
        if (self._due(trainer) or self._pending_signal) and self._saved_step != trainer.global_step:
            self._save(trainer)
        self._end_after_signal(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save together with the new scores."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._save(trainer, validated=True)
            self._restore_schedule(trainer)
            self._pending_signal = max(self._pending_signal, self.requested_signal(trainer))
            self._end_after_signal(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save unless a validation has just saved."""
        self._restore_schedule(trainer)
        if self._saved_step != trainer.global_step:
            self._save(trainer)
        self._signals.restore()
        self._hint = ""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the previous signal handlers, and add to the error how the run is resumed, if it was saved."""
        self._signals.restore()
        hint, self._hint = self._hint, ""
        if not hint or hint in str(exception) or not RunFolder.of(trainer).last_checkpoint.is_file():
            return
        exception.add_note(hint)
        if isinstance(exception, KeyboardInterrupt):  # which Lightning does not pass on
            rank_zero_info(hint)

    def _due(self, trainer: Trainer) -> bool:
        return any(is_due(each, trainer.global_step) for each in (self.every_n_steps, self.keep_every_n_steps))

    def requested_signal(self, trainer: Trainer) -> int:
        """Number of the signal that any process has received, equal on all processes; 0 for none."""
        if trainer.world_size == 1:
            return self._signals.received
        received = torch.tensor(self._signals.received, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(received, reduce_op="max"))

    def _end_after_signal(self, trainer: Trainer) -> None:
        """Raise the end of the run if a signal is pending, after everything was saved and the job was requeued."""
        number, self._pending_signal = self._pending_signal, 0
        if number:
            raise self._run_ended(trainer, number)

    def _run_ended(self, trainer: Trainer, number: int) -> RunEnded:
        for logger in trainer.loggers:
            # Before the job is requeued, which kills it at once.
            logger.save()
            if isinstance(logger, WandbLogger) and trainer.is_global_zero:
                logger.experiment.finish()
        path = RunFolder.of(trainer).last_checkpoint
        message = f"ended by {signal.Signals(number).name} after step {trainer.global_step}, saved in {path}"
        job = slurm_job()
        if number in REQUEUE_SIGNALS and job is not None:
            error = requeue(job) if trainer.is_global_zero else None
            if error is None:
                return RunEnded(f"{message}; job {job} is requeued", status=0)
            message += f"; job {job} could not be requeued ({error})"
        return RunEnded("; ".join(filter(None, [message, self._hint])), status=128 + number)


def is_due(interval: int, step: int) -> bool:
    """Whether a step is one of an interval, of which 0 has none."""
    return interval > 0 and step % interval == 0


def follow_folder(state: dict[str, Any], folder: str) -> dict[str, Any]:
    """The state of a ModelCheckpoint whose files are now in ``folder``; unchanged if the best one is not there.

    Lightning drops the best score if the text of the folder's path has changed, and then keeps a worse checkpoint.
    """
    before = str(state.get("dirpath"))
    if before == folder or not (Path(folder) / Path(state.get("best_model_path") or "-").name).is_file():
        return state

    def moved(value: Any) -> Any:
        inside = isinstance(value, str) and Path(value).parent == Path(before)
        return str(Path(folder) / Path(value).name) if inside else value

    models = {moved(path): score for path, score in state.get("best_k_models", {}).items()}
    return {**{key: moved(value) for key, value in state.items()}, "best_k_models": models, "dirpath": folder}


def is_last_step(trainer: Trainer) -> bool:
    """Whether training ends after the current batch, as far as is known before its validation."""
    if 0 <= trainer.max_steps <= trainer.global_step:
        return True
    if trainer.should_stop:
        # Where Lightning goes on until these are reached.
        return trainer.global_step >= (trainer.min_steps or 0) and trainer.current_epoch >= (trainer.min_epochs or 0)
    limit = trainer.max_epochs
    return trainer.is_last_batch and limit is not None and 0 <= limit <= trainer.current_epoch + 1


class DeferredSignals:
    """Handlers that only record which signal was received, since they may interrupt a step or a collective."""

    def __init__(self) -> None:
        self.received = 0
        self._previous: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Install the handlers; outside the main thread, where Python allows none, signals keep theirs."""
        self.received = 0
        if threading.current_thread() is not threading.main_thread():
            return
        self._previous = {number: signal.signal(number, self._handle) for number in HANDLED_SIGNALS}

    def restore(self) -> None:
        """Restore the previous handlers."""
        previous, self._previous = self._previous, {}
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        first, self.received = not self.received, max(self.received, number)
        if first:
            name = signal.Signals(number).name
            again = "; a second Ctrl-C ends it at once" if number == signal.SIGINT else ""
            # Not by print, which the signal may have interrupted.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{name}: the run will end{again}\n".encode())


def slurm_job() -> str | None:
    """Id of this process's SLURM job, in the form that ``scontrol`` takes; None outside SLURM."""
    if "SLURM_JOB_ID" not in os.environ:
        return None
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        return f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ["SLURM_JOB_ID"]


def requeue(job: str) -> str | None:
    """Requeue a running SLURM job.

    Returns:
        None, or the reason if it failed.
    """
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()
