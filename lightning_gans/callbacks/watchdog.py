"""Ends a run that has diverged, warns of failing GAN training, and reports the state at the end of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from lightning_gans.callbacks.symptoms import MONITORED, Diagnosis, Finding
from lightning_gans.core.errors import RunEnded, at_least
from lightning_gans.distributed import AsyncSum
from lightning_gans.families.adversarial import GRADIENTS, Adversarial, as_adversarial
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.json_lines import append_line


class Diverged(RunEnded):
    """A loss or a weight is NaN or infinite; the message names it in one sentence."""


class Watchdog(Callback):
    """Ends the run if a loss or a weight is not finite; warns of collapse, a dead or saturated D, and overflow.

    Losses are checked in every step; weights at the logger's interval, before a validation and before a checkpoint is
    written, so that no checkpoint contains NaN. On a GPU, or with several processes, the result of a step's check is
    read in the next step, so that nothing waits for it.

    :class:`.symptoms.Diagnosis` detects symptoms from logged scalars at the logger's interval and from the scores of a
    validation; scalars that a variant does not log are left out. Each symptom is warned of once until it is gone, and
    appended with its evidence to ``watchdog.jsonl`` in the run's folder. At the end of a run, the symptoms that are
    present and the latest values are reported, however short the run was and whatever ended it.

    Args:
        window: number of logged values whose median is compared with the best; 0 detects no symptoms, but still ends a
            run that diverges.
        collapse_ratio: warn if a score or the variance of the generated images falls below this fraction of its best,
            in (0, 1).
        vanishing_ratio: warn if a gradient norm falls below this fraction of its largest, in (0, 1).
        stop: end the run at a symptom, unless it is rolled back.
        max_rollbacks: how many times a symptom restores weights, averages and optimizer states from the best
            checkpoint. Steps, schedules and random numbers continue, so that the batches are different ones.

    Raises:
        ValueError: if an argument is out of range.
        Diverged: in training, if a loss or a weight is not finite.
    """

    def __init__(
        self,
        window: int = 5,
        collapse_ratio: float = 0.3,
        vanishing_ratio: float = 0.01,
        stop: bool = False,
        max_rollbacks: int = 0,
    ) -> None:
        at_least("window", window, 0)
        at_least("max_rollbacks", max_rollbacks, 0)
        for name, ratio in (("collapse_ratio", collapse_ratio), ("vanishing_ratio", vanishing_ratio)):
            if not 0 < ratio < 1:
                raise ValueError(f"{name} is {ratio}; expected more than 0 and less than 1")
        self.window = window
        self.stop = stop
        self.max_rollbacks = max_rollbacks
        self._diagnosis = Diagnosis(window, collapse_ratio, vanishing_ratio)
        self._rolled_back = 0
        self._pending_check: AsyncFiniteCheck | None = None
        self._seen: dict[str, Tensor] = {}
        self._never_finite: set[str] = set()
        self._reported = True  # as long as no run has begun

    # Divergence.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the buffers that are not finite by design, such as a mask of minus infinity."""
        self._reported = False
        self._never_finite = {n for n, b in pl_module.named_buffers() if b.is_floating_point() and not is_finite(b)}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the losses; at the logger's interval also check the weights and detect symptoms."""
        pl_module = as_adversarial(pl_module, self)
        self._finish_check(trainer)
        interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set outside __init__
        if interval > 0 and trainer.global_step % interval == 0:
            self._check_and_diagnose(trainer, pl_module)
            return
        losses = pl_module.losses
        if trainer.world_size > 1 or pl_module.device.type != "cpu":
            self._pending_check = AsyncFiniteCheck(trainer.global_step, dict(losses))
        elif not all(math.isfinite(loss.item()) for loss in losses.values()):
            raise divergence(trainer, trainer.global_step, describe_bad_losses(losses))

    def _finish_check(self, trainer: Trainer) -> None:
        check, self._pending_check = self._pending_check, None
        if check is not None and not check.is_finite():
            raise divergence(trainer, check.step, describe_bad_losses(check.losses))

    def _check_weights(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raise on all ranks if a weight of any rank is not finite; buffers may differ between ranks."""
        bad = describe_bad_weights(pl_module, self._never_finite)
        if trainer.strategy.reduce_boolean_decision(bool(bad), all=False):
            raise divergence(trainer, trainer.global_step, bad)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the weights that are about to be scored."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._finish_check(trainer)
            self._check_weights(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Raise rather than replace a good checkpoint by weights that are not finite."""
        self._finish_check(trainer)
        self._check_weights(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the last step, and report the state at the end of the run."""
        pl_module = as_adversarial(pl_module, self)
        self._finish_check(trainer)
        if self.window and pl_module.losses:
            self._check_and_diagnose(trainer, pl_module, final=True)
            self._report(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Report the state when an error, a signal or Ctrl-C ends the run; an error of divergence names it itself."""
        if self._reported or isinstance(exception, Diverged) or not isinstance(pl_module, Adversarial):
            return
        self._pending_check = None
        if self.window and pl_module.losses:
            # With several processes the means at the last interval stay, since the others may not take part any more.
            if trainer.world_size == 1:
                new = {key: value.item() for key, value in self._new_values(pl_module).items()}
                findings = self._diagnosis.update(trainer.global_step, new, final=True)
                self._handle(trainer, pl_module, findings, final=True)
            self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        self._reported = True
        rank_zero_info(f"Watchdog: at the end of the run, after {trainer.global_step} steps: {self._diagnosis}")

    # Symptoms.

    def _check_and_diagnose(self, trainer: Trainer, pl_module: Adversarial, final: bool = False) -> None:
        """Check losses and weights and detect symptoms, with a single transfer from the device."""
        new = self._new_values(pl_module)
        losses = total(pl_module.losses.values())
        missing = losses.new_full((), math.nan)
        norm = total_norm(pl_module, self._never_finite)
        packed = torch.stack([losses, norm, *(new.get(key, missing) for key in MONITORED)])
        # The mean over ranks, so that all of them decide the same; a value that one rank lacks is NaN on all.
        loss, weights, *values = trainer.strategy.reduce(packed, reduce_op="mean").tolist()
        if not math.isfinite(loss):
            raise divergence(trainer, trainer.global_step, describe_bad_losses(pl_module.losses))
        if not math.isfinite(weights):
            self._check_weights(trainer, pl_module)
        if self.window:
            findings = self._diagnosis.update(trainer.global_step, dict(zip(MONITORED, values, strict=True)), final)
            self._handle(trainer, pl_module, findings, final)

    def _new_values(self, pl_module: Adversarial) -> dict[str, Tensor]:
        """Scalars that were logged since the last call: a network that was not updated has logged nothing new."""
        logged = pl_module.last_logged if self.window else {}
        monitored = {key: logged[key] for key in MONITORED if key in logged}
        new = {key: value for key, value in monitored.items() if value is not self._seen.get(key)}
        self._seen = monitored
        return new

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Detect symptoms in the scores."""
        pl_module = as_adversarial(pl_module, self)
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking and self.window:
            scores = {key: float(value) for key, value in trainer.callback_metrics.items()}
            self._handle(trainer, pl_module, self._diagnosis.update_scores(trainer.global_step, scores))

    def _handle(self, trainer: Trainer, pl_module: Adversarial, findings: list[Finding], final: bool = False) -> None:
        """Roll back or stop, if configured and the run goes on, and report the findings and what was done."""
        if not findings:
            return
        epoch, step = pl_module.progress
        done: dict[str, int] = {}
        action = ""
        if self._rolled_back < self.max_rollbacks and not final:
            path = trainer.strategy.broadcast(better_checkpoint(trainer))
            action = "; there is no better checkpoint to restore"
            if path is not None:
                done["rolled_back_to"] = restore_checkpoint(trainer, pl_module, path)
                action = f"; the best checkpoint, of step {done['rolled_back_to']}, is restored"
                self._rolled_back += 1
                self._diagnosis.reset_windows()
        if self.stop and not done and not final:
            action += "; the run ends"
            trainer.should_stop = True
        for finding in findings:
            symptom = finding.warning.symptom
            line = {"step": step, "epoch": epoch, "symptom": symptom, "evidence": finding.evidence, **done}
            log_warning(trainer, line)
            rank_zero_warn(f"{symptom} at step {step}: {finding}{action}", category=finding.warning)

    # Checkpoints.

    def state_dict(self) -> dict[str, Any]:
        """The state of the diagnosis, and the number of rollbacks."""
        return {"diagnosis": self._diagnosis.state_dict(), "rolled_back": self._rolled_back}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self._diagnosis.load_state_dict(state_dict["diagnosis"])
        self._rolled_back = state_dict["rolled_back"]


class AsyncFiniteCheck:
    """Whether the losses of one step are finite; the result is transferred while the next step runs.

    Args:
        step: number of the step.
        losses: scalars on the device, by network.
    """

    def __init__(self, step: int, losses: dict[str, Tensor]) -> None:
        self.step = step
        self.losses = losses
        self._sum = AsyncSum(total(losses.values()))

    def is_finite(self) -> bool:
        """The result, equal on all ranks."""
        return math.isfinite(self._sum.result())


# What is not finite.


def total(scalars: Iterable[Tensor]) -> Tensor:
    """Sum of scalars, which is finite if all of them are."""
    return torch.stack([scalar.float() for scalar in scalars]).sum()


def is_finite(tensor: Tensor) -> bool:
    """Whether all values are finite."""
    return bool(tensor.isfinite().all())


def named_weights(module: nn.Module, never_finite: set[str]) -> Iterator[tuple[str, Tensor]]:
    """Parameters and floating-point buffers by name."""
    yield from ((name, parameter.detach()) for name, parameter in module.named_parameters())
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point() and name not in never_finite:
            yield name, buffer


def total_norm(module: nn.Module, never_finite: set[str]) -> Tensor:
    """Norm of all weights, which is not finite if one of them is not; nothing waits for the device."""
    weights = [weight for _, weight in named_weights(module, never_finite) if weight.numel()]
    return nn.utils.get_total_norm(weights).float()


def describe_bad_losses(losses: Mapping[str, Tensor]) -> list[str]:
    """A description of each loss that is not finite."""
    values = {name: loss.item() for name, loss in losses.items()}
    return [f"loss/{name} is {value}" for name, value in values.items() if not math.isfinite(value)]


def describe_bad_weights(module: nn.Module, never_finite: set[str]) -> list[str]:
    """A description of each weight that is not finite, with the first such value in it."""
    if math.isfinite(total_norm(module, never_finite).item()):
        return []
    weights = [(name, weight) for name, weight in named_weights(module, never_finite) if not is_finite(weight)]
    return [f"{name} holds {weight[~weight.isfinite()][0].item()}" for name, weight in weights]


def divergence(trainer: Trainer, step: int, bad: list[str]) -> Diverged:
    """The error that names what is not finite, the step and the last good checkpoint."""
    more = f" and {len(bad) - 1} more are not finite" if len(bad) > 1 else ""
    what = f"{bad[0]}{more}" if bad else "a loss or a weight of another process is not finite"
    last = RunFolder.of(trainer).last_checkpoint
    path = last if last.is_file() else next((best.best_model_path for best in best_checkpoints(trainer)), None)
    where = f"the last good checkpoint is {path}" if path else "there is no checkpoint yet"
    return Diverged(f"training has diverged at step {step}: {what}; {where}")


# Rollback.


def best_checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    """The callbacks that keep a best checkpoint and have saved one."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
    found = [callback for callback in callbacks if isinstance(callback, ModelCheckpoint)]
    return [callback for callback in found if callback.best_model_path and Path(callback.best_model_path).is_file()]


def better_checkpoint(trainer: Trainer) -> str | None:
    """Path of the best checkpoint; None if there is none, or if the validation that just ended is the best one.

    In the latter case the current weights are about to be saved as the best, and must not be replaced before.
    """
    for best in best_checkpoints(trainer):
        now, then = trainer.callback_metrics.get(str(best.monitor)), best.best_model_score
        if now is None or then is None or not (now < then if best.mode == "min" else now > then):
            return str(best.best_model_path)
    return None


def restore_checkpoint(trainer: Trainer, pl_module: Adversarial, path: str) -> int:
    """Restore weights, averages and optimizer states from a checkpoint, and return its step.

    Learning rates and other settings of the optimizers stay as the schedules have set them, as do all counters.
    """
    # To the CPU, where optimizers keep their step counters; loading moves each state to its weight's device.
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    # Gradients of replaced weights, as are those accumulated now.
    checkpoint.pop(GRADIENTS, None)
    pl_module.on_load_checkpoint(checkpoint)
    pl_module.load_state_dict(checkpoint["state_dict"])
    pl_module.zero_grad()
    for optimizer, stored in zip(trainer.optimizers, checkpoint.get("optimizer_states", []), strict=False):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": stored["state"], "param_groups": groups})
    return int(checkpoint["global_step"])


def log_warning(trainer: Trainer, line: dict[str, Any]) -> None:
    """Add a line to ``watchdog.jsonl`` in the run's folder; on rank 0 only."""
    if trainer.is_global_zero and writes_files(trainer):
        append_line(RunFolder.of(trainer).watchdog, line)
