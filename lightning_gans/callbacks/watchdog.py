"""Stops a run that has diverged, and warns of a game that goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from lightning_gans.callbacks.symptoms import WATCHED, Diagnosis, Finding
from lightning_gans.core.errors import InputError, RunEnded, at_least
from lightning_gans.families.adversarial import GRADIENTS, Adversarial
from lightning_gans.runs.folder import RunFolder, append_line, writes_files


class Diverged(RunEnded):
    """A loss or a weight is no longer a finite number; the message is one sentence that names it."""


class Watchdog(Callback):
    """Stops at once where a loss or a weight is no longer finite; warns of a collapse and of a D that teaches nothing.

    Losses are checked at every step, weights at the logger's interval, before a validation and before a checkpoint is
    written, so that no checkpoint holds NaN. On a GPU, or with several processes, the check of a step is read in the
    next one, for which nothing waits.

    Symptoms are looked for at the logger's interval and after a validation; :class:`.symptoms.Diagnosis` says how. Each
    is warned of once until it is gone, with its evidence, and appended to ``watchdog.jsonl`` in the run's folder. Blind
    to the variant: what is not recorded is not looked at.

    Args:
        looks: over how many looks a median is taken; 0 looks for no symptoms, and still stops what diverges.
        collapse: collapsed is what has fallen to this share of its own best, in (0, 1).
        vanished: vanished is a gradient that has fallen to this share of its own largest, in (0, 1).
        stop: end the run at a symptom, unless the run goes back.
        roll_back: how many times a run goes back to its best checkpoint at a symptom: weights, averages and the
            optimizers' states. Steps, schedules and random numbers go on, so that other batches come.

    Raises:
        InputError: if a number is out of range.
        Diverged: in training, if a loss or a weight is not finite.
    """

    def __init__(
        self, looks: int = 5, collapse: float = 0.3, vanished: float = 0.01, stop: bool = False, roll_back: int = 0
    ) -> None:
        at_least("watchdog.looks", looks, 0)
        at_least("watchdog.roll_back", roll_back, 0)
        for key, share in (("collapse", collapse), ("vanished", vanished)):
            if not 0 < share < 1:
                raise InputError(f"watchdog.{key} is {share}; expected more than 0 and less than 1")
        self.looks = looks
        self.stop = stop
        self.roll_back = roll_back
        self._diagnosis = Diagnosis(looks, collapse, vanished)
        self._rolled_back = 0
        self._late: LateCheck | None = None
        self._seen: dict[str, Tensor] = {}
        self._never_finite: set[str] = set()

    # Divergence.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the buffers that are not finite by design, such as a mask of minus infinity."""
        self._never_finite = {n for n, b in pl_module.named_buffers() if b.is_floating_point() and not finite(b)}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the losses; at the logger's interval the weights too, and look for symptoms."""
        assert isinstance(pl_module, Adversarial)
        self._read_late(trainer)
        interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set outside __init__
        if interval > 0 and trainer.global_step % interval == 0:
            self._look(trainer, pl_module)
            return
        losses = pl_module.losses
        if trainer.world_size > 1 or pl_module.device.type == "cuda":
            self._late = LateCheck(trainer.global_step, dict(losses))
        elif not all(math.isfinite(loss.item()) for loss in losses.values()):
            raise diverged(trainer, trainer.global_step, bad_losses(losses))

    def _read_late(self, trainer: Trainer) -> None:
        late, self._late = self._late, None
        if late is not None and not late.is_finite():
            raise diverged(trainer, late.step, bad_losses(late.losses))

    def _check_weights(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The same answer on all ranks, whose buffers may differ."""
        bad = bad_weights(pl_module, self._never_finite)
        if trainer.strategy.reduce_boolean_decision(bool(bad), all=False):
            raise diverged(trainer, trainer.global_step, bad)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check all that this step has left, which scores could not be measured with."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._read_late(trainer)
            self._check_weights(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Refuse to write a checkpoint over a good one with weights that are not finite."""
        self._read_late(trainer)
        self._check_weights(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the last step."""
        self._read_late(trainer)

    # Symptoms.

    def _look(self, trainer: Trainer, pl_module: Adversarial) -> None:
        """Check losses and weights, and look for symptoms: one transfer from the device, where the logger has one."""
        recorded = pl_module.last_logged if self.looks else {}
        # A side that did not move has recorded nothing new, and a logit of an earlier batch is not looked at twice.
        new = {key: recorded[key] for key in WATCHED if key in recorded and recorded[key] is not self._seen.get(key)}
        self._seen = {key: recorded[key] for key in WATCHED if key in recorded}
        losses = total(pl_module.losses.values())
        missing = losses.new_full((), math.nan)
        packed = torch.stack([losses, size(pl_module, self._never_finite), *(new.get(k, missing) for k in WATCHED)])
        # The mean over ranks, so that all of them decide alike; a number that one rank lacks is NaN on all.
        loss, weights, *values = trainer.strategy.reduce(packed, reduce_op="mean").tolist()
        if not math.isfinite(loss):
            raise diverged(trainer, trainer.global_step, bad_losses(pl_module.losses))
        if not math.isfinite(weights):
            self._check_weights(trainer, pl_module)
        if self.looks:
            found = self._diagnosis.look(trainer.global_step, dict(zip(WATCHED, values, strict=True)))
            self._act(trainer, pl_module, found)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the scores."""
        assert isinstance(pl_module, Adversarial)
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking and self.looks:
            scores = {key: float(value) for key, value in trainer.callback_metrics.items()}
            self._act(trainer, pl_module, self._diagnosis.validated(trainer.global_step, scores))

    def _act(self, trainer: Trainer, pl_module: Adversarial, findings: list[Finding]) -> None:
        """Go back or stop, if that is asked for; then say what was found and done."""
        if not findings:
            return
        epoch, step = pl_module.progress
        done: dict[str, int] = {}
        what = ""
        if self._rolled_back < self.roll_back:
            path = trainer.strategy.broadcast(better_checkpoint(trainer))
            what = "; there is no better checkpoint to go back to"
            if path is not None:
                done["rolled_back_to"] = put_back(trainer, pl_module, path)
                what = f"; back to the best checkpoint, of step {done['rolled_back_to']}"
                self._rolled_back += 1
                self._diagnosis.start_anew()
        if self.stop and not done:
            what += "; the run stops here"
            trainer.should_stop = True
        for finding in findings:
            symptom = finding.warning.symptom
            line = {"step": step, "epoch": epoch, "symptom": symptom, "evidence": finding.evidence, **done}
            record_warning(trainer, line)
            rank_zero_warn(f"{symptom} at step {step}: {finding}{what}", category=finding.warning)

    # Checkpoints.

    def state_dict(self) -> dict[str, Any]:
        """The newest looks, what was best, and how often the run went back."""
        return {"diagnosis": self._diagnosis.state_dict(), "rolled_back": self._rolled_back}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self._diagnosis.load_state_dict(state_dict["diagnosis"])
        self._rolled_back = state_dict["rolled_back"]


class LateCheck:
    """Whether the losses of one step are finite, on their way from the device while the next step is made.

    Args:
        step: number of the step.
        losses: scalars on the device, by side.
    """

    def __init__(self, step: int, losses: dict[str, Tensor]) -> None:
        self.step = step
        self.losses = losses
        self._sum = total(losses.values())
        several = dist.is_available() and dist.is_initialized()
        self._work = dist.all_reduce(self._sum, async_op=True) if several else None
        self._event: torch.cuda.Event | None = None
        if self._sum.is_cuda:
            if self._work is not None:
                self._work.wait()  # the device waits, not this process
            # Copied now: a copy asked for in the next step would stand behind that step's work.
            self._sum = self._sum.to("cpu", non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has not annotated it
            self._event.record()

    def is_finite(self) -> bool:
        """The answer, the same on all ranks."""
        if self._event is not None:
            self._event.synchronize()
        elif self._work is not None:
            self._work.wait()
        return math.isfinite(self._sum.item())


# What is not finite.


def total(scalars: Iterable[Tensor]) -> Tensor:
    """The sum of scalars, which is finite if they all are."""
    return torch.stack([scalar.float() for scalar in scalars]).sum()


def finite(tensor: Tensor) -> bool:
    """Whether all values are finite."""
    return bool(tensor.isfinite().all())


def watched_weights(module: nn.Module, never_finite: set[str]) -> Iterator[tuple[str, Tensor]]:
    """Parameters and floating-point buffers by name."""
    yield from ((name, parameter.detach()) for name, parameter in module.named_parameters())
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point() and name not in never_finite:
            yield name, buffer


def size(module: nn.Module, never_finite: set[str]) -> Tensor:
    """A sum of norms, which is finite only if all weights are: one pass over them, and nothing waits for it."""
    return total(torch._foreach_norm([weight for _, weight in watched_weights(module, never_finite) if weight.numel()]))


def bad_losses(losses: Mapping[str, Tensor]) -> list[str]:
    """Each loss that is not finite, with its value."""
    values = {name: loss.item() for name, loss in losses.items()}
    return [f"loss/{name} is {value}" for name, value in values.items() if not math.isfinite(value)]


def bad_weights(module: nn.Module, never_finite: set[str]) -> list[str]:
    """Each weight that is not finite, with the first such value in it."""
    if math.isfinite(size(module, never_finite).item()):
        return []
    weights = [(name, weight) for name, weight in watched_weights(module, never_finite) if not finite(weight)]
    return [f"{name} holds {weight[~weight.isfinite()][0].item()}" for name, weight in weights]


def diverged(trainer: Trainer, step: int, bad: list[str]) -> Diverged:
    """The error that names what is not finite, the step, and where the last good state is."""
    more = f" and {len(bad) - 1} more are not finite" if len(bad) > 1 else ""
    what = f"{bad[0]}{more}" if bad else "a loss or a weight of another process is not finite"
    kept = RunFolder.of(trainer).last_checkpoint
    path = kept if kept.is_file() else next((best.best_model_path for best in bests(trainer)), None)
    where = f"the last good checkpoint is {path}" if path else "there is no checkpoint yet"
    return Diverged(f"training has diverged at step {step}: {what}; {where}")


# Going back.


def bests(trainer: Trainer) -> list[ModelCheckpoint]:
    """The callbacks that keep a best checkpoint and have one already."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
    keeping = [callback for callback in callbacks if isinstance(callback, ModelCheckpoint)]
    return [callback for callback in keeping if callback.best_model_path and Path(callback.best_model_path).is_file()]


def better_checkpoint(trainer: Trainer) -> str | None:
    """The file of the best checkpoint; None if there is none, or if the validation that just ended is the best one.

    The latter is about to be saved as the best, which must not hold the weights of another.
    """
    for best in bests(trainer):
        now, then = trainer.callback_metrics.get(str(best.monitor)), best.best_model_score
        if now is None or then is None or not (now < then if best.mode == "min" else now > then):
            return str(best.best_model_path)
    return None


def put_back(trainer: Trainer, pl_module: Adversarial, path: str) -> int:
    """Put weights, averages and the optimizers' states back as they are in a checkpoint, and say of which step it is.

    Learning rates and the like are the schedules' and stay as they are, as do all counters.
    """
    # On the CPU, where optimizers keep their step counters; each state goes to its weight's device when it is loaded.
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    # Of weights that are no more, as are those accumulated now.
    checkpoint.pop(GRADIENTS, None)
    pl_module.on_load_checkpoint(checkpoint)
    pl_module.load_state_dict(checkpoint["state_dict"])
    pl_module.zero_grad()
    for optimizer, stored in zip(trainer.optimizers, checkpoint.get("optimizer_states", []), strict=False):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": stored["state"], "param_groups": groups})
    return int(checkpoint["global_step"])


def record_warning(trainer: Trainer, line: dict[str, Any]) -> None:
    """Add a line to ``watchdog.jsonl`` in the run's folder; on rank 0 only."""
    if trainer.is_global_zero and writes_files(trainer):
        append_line(RunFolder.of(trainer).watchdog, line)
