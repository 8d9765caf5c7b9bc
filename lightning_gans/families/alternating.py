"""The training step of every variant: generators and discriminators are updated in turns, by an optimizer each."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from typing import Any, ClassVar

import lightning as L
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.components.optimizers import GANAdam, make_stepped, name_groups, set_run_length
from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import derive_generator, run_seed, seed_step
from lightning_gans.families.compat import INSTANTIATOR, take_step_counters
from lightning_gans.families.hooks import uses_update_hooks
from lightning_gans.families.loss_scaling import LossScaling
from lightning_gans.families.resume import drop_linked_arguments, is_plain
from lightning_gans.families.sides import Side

OptimizerCallable = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerCallable = Callable[[Optimizer], LRScheduler]

SIDE_OBJECTS = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d")
"""Arguments that are functions, which make optimizers and schedules."""


class AlternatingTraining(StoresArguments, L.LightningModule, ABC):
    """Trains generators ("g") and discriminators ("d") in turns.

    A family implements :meth:`adversarial_step`, which computes the losses and passes each to :meth:`optimize`. One
    batch counts as one step for ``max_steps``, checkpoints, log axes and schedules, whatever the number of optimizer
    steps in it. Randomness depends on (seed, rank, step) only, so a resumed run is bit-equal to an uninterrupted one.

    Args:
        optimizer_g: optimizer of the generators and of their heads.
        optimizer_d: optimizer of the discriminators.
        scheduler_g: learning rate schedule of the generators, stepped once per batch.
        scheduler_d: learning rate schedule of the discriminators, stepped once per batch.
        clip_g: largest norm of the generators' gradient; None turns clipping off.
        clip_d: largest norm of the discriminators' gradient; None turns clipping off.
        accumulate_g: number of batches whose mean gradient is used in one step of the generators' optimizer, counting
            batches in which the generators are due.
        accumulate_d: as ``accumulate_g``, for the discriminators.
        n_critic: the generators are due in every ``n_critic``-th batch, the discriminators in every batch.

    Raises:
        ValueError: if a number is out of range.

    Attributes:
        losses: the latest loss of each side, a scalar on the device, set in every step in which the side is due.
        last_logged: the scalars of the latest step that was logged, by key, on the device.
        total_steps: length of the run in batches, infinity if it has no end; set when training starts.
        loss_scaling: the gradient scalers of both sides; None if the precision of the run needs none.
    """

    networks: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    """Names of the constructor's arguments that are networks."""

    given_by_family: ClassVar[tuple[str, ...]] = ()
    """Arguments that the family passes to its networks, if it builds them itself."""

    def __init__(
        self,
        *,
        optimizer_g: OptimizerCallable = GANAdam,
        optimizer_d: OptimizerCallable = GANAdam,
        scheduler_g: SchedulerCallable | None = None,
        scheduler_d: SchedulerCallable | None = None,
        clip_g: float | None = None,
        clip_d: float | None = None,
        accumulate_g: int = 1,
        accumulate_d: int = 1,
        n_critic: int = 1,
    ) -> None:
        super().__init__()
        # On the command line all arguments are plain data. In Python some are objects, which checkpoints describe.
        objects = [name for name, value in self.constructor_arguments().items() if not is_plain(value)]
        self.save_hyperparameters(ignore=[*self.networks, *SIDE_OBJECTS, *objects], logger=False)
        if INSTANTIATOR in self.hparams:
            self.save_hyperparameters(logger=False)
            drop_linked_arguments(type(self), self.hparams, self.networks, self.given_by_family)
        for key, count in (("accumulate_g", accumulate_g), ("accumulate_d", accumulate_d), ("n_critic", n_critic)):
            at_least(key, count, 1)
        for key, norm in (("clip_g", clip_g), ("clip_d", clip_d)):
            if norm is not None and norm <= 0:
                raise ValueError(f"{key} is {norm}; expected a positive norm, or None for no clipping")
        self.automatic_optimization = False
        self.losses: dict[str, Tensor] = {}
        self._earlier_terms: dict[str, Tensor] = {}
        self.last_logged: dict[str, Tensor] = {}
        self.total_steps: float = float("inf")
        self._optimizers = {"g": optimizer_g, "d": optimizer_d}
        self._schedulers = {"g": scheduler_g, "d": scheduler_d}
        self._clip = {"g": clip_g, "d": clip_d}
        self._accumulate = {"g": accumulate_g, "d": accumulate_d}
        self._interval = {"g": n_critic, "d": 1}
        self.loss_scaling: LossScaling | None = None
        self._gradient_norm = torch.zeros(())
        self._uses_hooks = True
        self._loss_scales: dict[str, dict[str, Any]] = {}

    # What a family implements.

    @property
    @abstractmethod
    def generators(self) -> dict[str, nn.Module]:
        """The generators, by attribute name."""

    @property
    @abstractmethod
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminators, by attribute name."""

    @property
    def generator_heads(self) -> dict[str, nn.Module]:
        """Networks on features of the generators, by attribute name; none in the base class.

        They are updated with the generators, by the same optimizer, and are used in training only.
        """
        return {}

    @abstractmethod
    def adversarial_step(self, batch: Any) -> None:
        """Compute each side's loss on one batch, in the order of the paper, and pass it to :meth:`optimize`."""

    # One batch is one step.

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Train on one batch, counted as one step whatever the number of optimizer steps in it."""
        before, after = take_step_counters(self._run_optimizers())
        before()
        seed_step(self.device, self.run_seed, "step", self.global_rank, self.global_step)
        self._earlier_terms.clear()
        self.adversarial_step(batch)
        # PyTorch warns if a schedule steps before its optimizer, as G's does in the first `n_critic` batches.
        with warnings.catch_warnings() if self.global_step == 0 else nullcontext():
            if self.global_step == 0:
                warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            for scheduler in self._run_schedulers():
                scheduler.step()
        after()

    # Updates of one side.

    @cached_property
    def sides(self) -> dict[str, Side]:
        """The side "g" of the generators and "d" of the discriminators; computed once, since every step reads it."""
        networks_of = {"g": {**self.generators, **self.generator_heads}, "d": self.discriminators}
        return {
            name: Side(
                optimizer=index,
                interval=self._interval[name],
                accumulate=self._accumulate[name],
                clip=self._clip[name],
                parameters=[p for network in networks.values() for p in network.parameters() if p.requires_grad],
            )
            for index, (name, networks) in enumerate(networks_of.items())
        }

    def is_due(self, name: str) -> bool:
        """Whether side ``name`` is due in this batch."""
        return self.sides[name].is_due(self.global_step)

    def updated_parameters(self, name: str) -> list[nn.Parameter]:
        """The parameters of side ``name`` that get gradients in this batch, and thus updates: all of the side's."""
        return self.sides[name].parameters

    def optimize(self, name: str, loss: Tensor, more: bool = False) -> None:
        """Update one side by the gradient of ``loss``; the other side's weights and gradients do not change.

        Args:
            name: "g" or "d".
            loss: a scalar.
            more: whether ``loss`` is a term to which the next call for this side adds another one. Its gradient is
                computed, which frees its activations before those of the next term are computed; the update is by the
                gradient of the sum, in the call without ``more``.
        """
        side = self.sides[name]
        position = side.update_index(self.global_step) % side.accumulate
        earlier = self._earlier_terms.pop(name, None)
        if position == 0 and earlier is None:
            side.clear_gradients()
        last = position == side.accumulate - 1 and not more
        with self._update_context(name, last):
            # With `inputs`, backward does not compute the gradients of the other side's weights.
            backward = self.manual_backward if self._uses_hooks else Tensor.backward
            backward(loss / side.accumulate, inputs=self.updated_parameters(name))
            if last:
                with self.trainer.profiler.profile(f"optimizer_step/{name}"):  # type: ignore[attr-defined]
                    self._step(name, self._run_optimizers()[side.optimizer])
                side.clear_gradients()
        value = loss.detach() if earlier is None else earlier + loss.detach()
        if more:
            self._earlier_terms[name] = value
        else:
            self.losses[name] = value
            self.log_scalar(f"loss/{name}", value, prog_bar=True)

    @contextmanager
    def _update_context(self, name: str, last: bool) -> Iterator[None]:
        """Context of one side's backward pass, the last one before the optimizer's step or not, and of that step."""
        with ExitStack() as stack:
            # Lightning calls `training_step` under autocast, which is for forward passes only: in a backward pass it
            # would run the matrix products of a penalty in half precision.
            if torch.is_autocast_enabled(self.device.type):
                stack.enter_context(torch.autocast(self.device.type, enabled=False))
            if self.loss_scaling is not None:
                stack.enter_context(self.loss_scaling.side(name))
            # Until the last pass, each process accumulates its own gradients.
            if not last and isinstance(self.trainer.strategy, ParallelStrategy):
                stack.enter_context(self.trainer.strategy.block_backward_sync())
            yield

    def _step(self, name: str, optimizer: LightningOptimizer) -> None:
        if self.loss_scaling is not None:
            self.loss_scaling.step(name, optimizer)
        elif self._uses_hooks:
            optimizer.step()
        else:
            self.on_before_optimizer_step(optimizer.optimizer)
            optimizer.optimizer.step()
        if self.should_log:
            self.log_scalar(f"grad_norm/{name}", self._gradient_norm)
            if self.loss_scaling is not None:
                for key, value in self.loss_scaling.scalars(name).items():
                    self.log_scalar(key, value)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Measure and clip the gradient, which a gradient scaler has unscaled by now."""
        for side in self.sides.values():
            if optimizer is not self._run_optimizers()[side.optimizer].optimizer:
                continue
            if self.should_log or side.clip is not None:
                # Logged in `optimize`: Lightning drops a training step's values if a hook logs during it.
                gradients = [p.grad for p in side.parameters if p.grad is not None]
                self._gradient_norm = nn.utils.get_total_norm(gradients)
            if side.clip is not None:
                # Lightning's own clipping refuses fused optimizers under a gradient scaler.
                nn.utils.clip_grads_with_norm_(side.parameters, side.clip, self._gradient_norm)

    # Logging.

    @property
    def should_log(self) -> bool:
        """Whether the scalars of the current step are logged: at the logger's interval, and in the run's last step."""
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set outside __init__
        done = self.global_step + 1
        return interval > 0 and (done % interval == 0 or done == self.total_steps)

    def log_scalar(self, key: str, value: Tensor, prog_bar: bool = False) -> None:
        """Log the scalar ``value`` as ``key``, and with ``prog_bar`` show it, if :attr:`should_log` is true."""
        if self.should_log:
            self.last_logged[key] = value.detach()
            self.log(key, value.detach(), prog_bar=prog_bar)

    # Optimizers and schedules.

    def configure_optimizers(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a valid form, wider than the hint
        """The optimizer and schedule of each side, the generators' first; ValueError if a step needs an argument."""
        configured: list[dict[str, Any]] = []
        for name, side in self.sides.items():
            optimizer = make_stepped(f"optimizer_{name}", self._optimizers[name], side.parameters)
            name_groups(optimizer, name)  # LearningRateMonitor adds these names to that of the schedule
            configured.append({"optimizer": optimizer})
            if (make := self._schedulers[name]) is not None:
                scheduler = make_stepped(f"scheduler_{name}", make, optimizer)
                configured[-1]["lr_scheduler"] = {"scheduler": scheduler, "interval": "step", "name": "lr"}
        return configured

    def _run_optimizers(self) -> list[LightningOptimizer]:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        return optimizers

    def _run_schedulers(self) -> list[LRScheduler]:
        schedulers = self.lr_schedulers() or []
        return schedulers if isinstance(schedulers, list) else [schedulers]

    def on_train_start(self) -> None:
        """Set the schedules' length, and make the gradient scalers if the precision needs them.

        The length is not known where the schedules are made: computing it sets up the training loader, and a loader
        that is set up before the checkpoint is restored would start the epoch again.
        """
        self.total_steps = self.trainer.estimated_stepping_batches
        self._uses_hooks = uses_update_hooks(self)
        self.loss_scaling = LossScaling.of(self.trainer.precision_plugin, self.device, self._loss_scales)
        named = [f"scheduler_{name}" for name in self.sides if self._schedulers[name] is not None]
        set_run_length(dict(zip(named, self._run_schedulers(), strict=True)), self.total_steps)

    # Randomness.

    @property
    def run_seed(self) -> int:
        """The seed of this run: all randomness is a function of it, the rank and the step."""
        return run_seed(self.trainer_or_none())

    def trainer_or_none(self) -> L.Trainer | None:
        """The trainer; None for a model that no trainer runs, such as one that is loaded from a checkpoint."""
        try:
            return self.trainer
        except RuntimeError:
            return None

    def generator_for(self, *parts: int | str) -> torch.Generator:
        """A random generator on this device that depends on the run's seed and ``parts`` only."""
        return derive_generator(self.device, self.run_seed, *parts)
