"""The base class of every variant: alternating updates by two optimizers, with exact resume."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar

import torch
from lightning import Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.components.optimizers import GANAdam, LinearDecay
from lightning_gans.core.data import Data, PairData, check_offers, data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.randomness import derive_generator, run_seed, seed_step
from lightning_gans.distributed.strategy import AlternatingDDP, reject_strategy
from lightning_gans.families.averages import AveragedGenerators
from lightning_gans.families.compat import INSTANTIATOR, take_step_counters
from lightning_gans.families.monitoring import ScalarLogging, Stopwatch
from lightning_gans.families.resume import (
    CHECKPOINTED_SETTINGS,
    RUN_SEED,
    drop_linked_arguments,
    plain_settings,
    refuse_changed_settings,
)
from lightning_gans.families.side import Side
from lightning_gans.runs.record import package_versions

OptimizerCallable = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerCallable = Callable[[Optimizer], LRScheduler]

GRADIENTS = "accumulated_gradients"
SECONDS = "train_seconds"


class Adversarial(ScalarLogging, AveragedGenerators, ABC):
    """Trains generators ("g") and discriminators ("d") in turns.

    A family implements :meth:`adversarial_step`, which computes the losses and passes each to :meth:`optimize`. One
    batch counts as one step for ``max_steps``, checkpoints, log axes and schedules, whatever the number of optimizer
    steps in it. Randomness depends on (seed, rank, step) only, so a resumed run is bit-equal to an uninterrupted one.

    Args:
        optimizer_g: optimizer of the generators.
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
    """

    networks: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    """Names of the constructor's arguments that are networks."""

    data_protocol: ClassVar[type] = Data
    """The protocol of :mod:`lightning_gans.core.data` that a data module must satisfy."""

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
        # Networks given as objects cannot be hyperparameters. On the command line they are given as class paths, plain
        # data from which `load_from_checkpoint` builds them again.
        objects = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d")
        self.save_hyperparameters(ignore=[*self.networks, *objects], logger=False)
        if INSTANTIATOR in self.hparams:
            self.save_hyperparameters(logger=False)
            drop_linked_arguments(type(self), self.hparams, self.networks, self.given_by_family)
        self.automatic_optimization = False
        for key, count in (("accumulate_g", accumulate_g), ("accumulate_d", accumulate_d), ("n_critic", n_critic)):
            at_least(key, count, 1)
        for key, norm in (("clip_g", clip_g), ("clip_d", clip_d)):
            if norm is not None and norm <= 0:
                raise ValueError(f"{key} is {norm}; expected a positive norm, or None for no clipping")
        self._optimizers = {"g": optimizer_g, "d": optimizer_d}
        self._schedulers = {"g": scheduler_g, "d": scheduler_d}
        self._clip = {"g": clip_g, "d": clip_d}
        self._accumulate = {"g": accumulate_g, "d": accumulate_d}
        self._interval = {"g": n_critic, "d": 1}
        self._gradients: dict[str, Tensor] = {}
        self._gradient_norm = torch.zeros(())
        self._loaded = (0, 0)
        self.stopwatch = Stopwatch()

    # What a family implements.

    @property
    @abstractmethod
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminators, by attribute name."""

    @abstractmethod
    def adversarial_step(self, batch: Any) -> None:
        """Compute each side's loss on one batch, in the order of the paper, and pass it to :meth:`optimize`."""

    @classmethod
    def check_data(cls, data: type) -> None:
        """Raise InputError if the family cannot use the batches of a data module; the base class accepts any.

        Args:
            data: class of the data module.
        """

    # One batch is one step.

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Train on one batch, counted as one step whatever the number of optimizer steps in it."""
        before, after = take_step_counters(self._run_optimizers())
        before()
        seed_step(self.device, self.run_seed, "step", self.global_rank, self.global_step)
        self.adversarial_step(batch)
        for scheduler in self._run_schedulers():
            with warnings.catch_warnings():
                # PyTorch warns if a schedule steps before its optimizer, as G's does in the first `n_critic` batches.
                warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
                scheduler.step()
        after()

    def _run_optimizers(self) -> list[LightningOptimizer]:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        return optimizers

    def _run_schedulers(self) -> list[LRScheduler]:
        schedulers = self.lr_schedulers() or []
        return schedulers if isinstance(schedulers, list) else [schedulers]

    # Updates of one side.

    @cached_property
    def sides(self) -> dict[str, Side]:
        """The side "g" of the generators and "d" of the discriminators; computed once, since every step reads it."""
        networks_of = {"g": self.generators, "d": self.discriminators}
        return {
            name: Side(
                optimizer=index,
                interval=self._interval[name],
                accumulate=self._accumulate[name],
                clip=self._clip[name],
                parameters=[p for network in networks.values() for p in network.parameters()],
            )
            for index, (name, networks) in enumerate(networks_of.items())
        }

    def is_due(self, name: str) -> bool:
        """Whether side ``name`` is due in this batch."""
        return self.sides[name].is_due(self.global_step)

    def optimize(self, name: str, loss: Tensor) -> None:
        """Update one side by the gradient of ``loss``; the other side's weights and gradients do not change.

        Args:
            name: "g" or "d".
            loss: a scalar.
        """
        side = self.sides[name]
        optimizer = self._run_optimizers()[side.optimizer]
        position = side.update_index(self.global_step) % side.accumulate
        if position == 0:
            optimizer.zero_grad()
        # With `inputs`, backward does not compute the gradients of the other side's weights.
        self.manual_backward(loss / side.accumulate, inputs=side.parameters)
        if position == side.accumulate - 1:
            optimizer.step()
            if self.should_log:
                self.log_scalar(f"grad_norm/{name}", self._gradient_norm)
        self.losses[name] = loss.detach()
        self.log_scalar(f"loss/{name}", loss, prog_bar=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Measure and clip the gradient, which a gradient scaler has unscaled by now."""
        for side in self.sides.values():
            if optimizer is not self._run_optimizers()[side.optimizer].optimizer:
                continue
            if self.should_log:
                # Logged in `optimize`: Lightning drops a training step's values if a hook logs during it.
                gradients = [p.grad for p in side.parameters if p.grad is not None]
                self._gradient_norm = nn.utils.get_total_norm(gradients)
            if side.clip is not None:
                self.clip_gradients(optimizer, gradient_clip_val=side.clip, gradient_clip_algorithm="norm")

    # Optimizers and schedules.

    def configure_optimizers(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a valid form, wider than the hint
        """The optimizer and schedule of each side, the generators' first."""
        configured: list[dict[str, Any]] = []
        for name, side in self.sides.items():
            optimizer = self._optimizers[name](side.parameters)
            make_scheduler = self._schedulers[name]
            if make_scheduler is None:
                configured.append({"optimizer": optimizer})
                continue
            schedule = {"scheduler": make_scheduler(optimizer), "interval": "step"}
            configured.append({"optimizer": optimizer, "lr_scheduler": schedule})
        return configured

    def _run_length(self) -> float:
        length = self.trainer.estimated_stepping_batches
        if length == float("inf"):
            raise InputError("LinearDecay needs a run of known length; give trainer.max_epochs or trainer.max_steps")
        return length

    @property
    def progress(self) -> tuple[int, int]:
        """The number of epochs begun and of steps done: by the run in ``fit``, otherwise by the loaded checkpoint."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            return self.trainer.current_epoch + 1, self.global_step
        return self._loaded

    # Randomness.

    @property
    def run_seed(self) -> int:
        """The seed of this run: all randomness is a function of it, the rank and the step."""
        return run_seed(self._trainer_or_none())

    def _trainer_or_none(self) -> Trainer | None:
        try:
            return self.trainer
        except RuntimeError:  # a model that no trainer runs, such as one that is loaded from a checkpoint
            return None

    def generator_for(self, *parts: int | str) -> torch.Generator:
        """A random generator on this device that depends on the run's seed and ``parts`` only."""
        return derive_generator(self.device, self.run_seed, *parts)

    # Evaluation.

    @property
    def batch_norm(self) -> str:
        """Statistics of batch normalization in evaluation, "running" or "per-image"; part of every score's stamp."""
        return "running"

    @property
    def dropout(self) -> str:
        """Whether dropout is active in evaluation, "on" or "off"; part of every score's stamp."""
        return "off"

    # Checkpoints.

    def setup(self, stage: str) -> None:
        """Check the data module and the strategy.

        Raises:
            InputError: if the family cannot use the data, or the strategy would compute wrong gradients.
        """
        if (data := data_module(self.trainer)) is not None:
            self.check_data(type(data))
            check_offers(data, self.data_protocol, type(self).__name__)
        _ = self.run_seed  # its first use may be a broadcast, which all ranks must join
        if not isinstance(self.trainer.strategy, (SingleDeviceStrategy, AlternatingDDP)):
            reject_strategy(self.trainer.strategy)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the run's seed, accumulated gradients and facts about the run; keep plain hyperparameters only."""
        checkpoint[RUN_SEED] = self.run_seed
        checkpoint[GRADIENTS] = self._unfinished_gradients()
        checkpoint[SECONDS] = self.stopwatch.seconds
        # For users of the model who have only this file.
        checkpoint["versions"] = package_versions()
        if (data := data_module(self.trainer)) is not None:
            checkpoint["data"] = f"{type(data).__module__}.{type(data).__qualname__}"
            if isinstance(data, PairData):
                checkpoint["palettes"] = {domain: dict(palette) for domain, palette in data.palettes.items()}
        if "hyper_parameters" in checkpoint:
            checkpoint["hyper_parameters"] = plain_settings(dict(checkpoint["hyper_parameters"]))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add averaged copies if the checkpoint has some, and check the settings that the checkpoint's state overrides.

        Raises:
            InputError: if such a setting differs from the checkpoint's.
        """
        self._loaded = (checkpoint["epoch"] + 1, checkpoint["global_step"])
        self.stopwatch.before = checkpoint.get(SECONDS, 0.0)
        if self._trainer_or_none() is not None:
            fitting = self.trainer.state.fn == TrainerFn.FITTING
            refuse_changed_settings(
                (*self.networks, *CHECKPOINTED_SETTINGS) if fitting else self.networks,
                {**plain_settings(dict(self.hparams)), RUN_SEED: self.run_seed},
                {**checkpoint.get("hyper_parameters", {}), RUN_SEED: checkpoint.get(RUN_SEED, self.run_seed)},
            )
            self._gradients = checkpoint.get(GRADIENTS, {}) if fitting else {}
        self.match_averages(checkpoint["state_dict"])

    def on_fit_start(self) -> None:
        """Start the stopwatch, and log the hyperparameters that are plain data."""
        self.stopwatch.start()
        for logger in self.loggers:
            logger.log_hyperparams(plain_settings({k: v for k, v in self.hparams.items() if k != INSTANTIATOR}))

    def on_train_start(self) -> None:
        """Set the schedules' length, and restore the gradients that were being accumulated at the checkpoint.

        The length is not known where the schedules are made: computing it sets up the training loader, and a loader
        that is set up before the checkpoint is restored would start the epoch again.
        """
        for scheduler in self._run_schedulers():
            if isinstance(scheduler, LinearDecay):
                scheduler.total_steps = self._run_length()
        parameters = dict(self.named_parameters())
        for name, gradient in self._gradients.items():
            parameters[name].grad = gradient.to(parameters[name])
        self._gradients = {}

    def _unfinished_gradients(self) -> dict[str, Tensor]:
        """Gradients, by parameter name, of the sides that are accumulating."""
        unfinished = [side for side in self.sides.values() if side.is_accumulating(self.global_step)]
        wanted = {id(p) for side in unfinished for p in side.parameters}
        return {n: p.grad for n, p in self.named_parameters() if id(p) in wanted and p.grad is not None}
