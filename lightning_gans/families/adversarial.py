"""The base of every variant: two optimizers, alternating steps, one batch one step, exact on resume."""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, ClassVar

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer, do_nothing_closure
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.components.optimizers import GANAdam, LinearDecay
from lightning_gans.core.data import Data, PairData, check_offers, data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.randomness import derive_generator, run_seed, seed_step
from lightning_gans.distributed.strategy import AlternatingDDP, reject_strategy
from lightning_gans.families.monitoring import ScalarLogging, Stopwatch
from lightning_gans.families.resume import (
    CHECKPOINTED_SETTINGS,
    RUN_SEED,
    drop_linked_arguments,
    plain_settings,
    refuse_changed_settings,
)
from lightning_gans.families.side import Side
from lightning_gans.runs.provenance import package_versions

OptimizerCallable = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerCallable = Callable[[Optimizer], LRScheduler]

GRADIENTS = "accumulated_gradients"
SECONDS = "train_seconds"


class Adversarial(ScalarLogging, ABC):
    """Alternating training of generators ("g") and discriminators ("d").

    A family implements :meth:`adversarial_step`, which computes the losses and passes each to :meth:`optimize`. One
    batch is one step for ``max_steps``, checkpoints, log axes and schedules, however often the optimizers step in it.
    Randomness depends on (seed, rank, step) only, so a resumed run is bit-equal to an uninterrupted one.

    Args:
        optimizer_g: optimizer of the generators.
        optimizer_d: optimizer of the discriminators.
        scheduler_g: learning-rate schedule of the generators, stepped once a batch.
        scheduler_d: learning-rate schedule of the discriminators, stepped once a batch.
        clip_g: largest norm of the generators' gradient; None does not clip.
        clip_d: largest norm of the discriminators' gradient; None does not clip.
        accumulate_g: number of the generators' turns whose mean gradient makes one optimizer step.
        accumulate_d: the same for the discriminators.
        n_critic: the discriminators move in every batch, the generators in every ``n_critic``-th.

    Raises:
        ValueError: if a number is out of range.
    """

    networks: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    """Names of the constructor's arguments that are networks."""

    data_protocol: ClassVar[type] = Data
    """What a data module must offer, one of :mod:`lightning_gans.core.data`."""

    given_by_family: ClassVar[tuple[str, ...]] = ()
    """Arguments that a family which builds its networks itself gives them."""

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
        # Networks given as objects have their own state and cannot be hyperparameters; given as class paths on the
        # command line, they are plain data that `load_from_checkpoint` builds them from.
        objects = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d")
        self.save_hyperparameters(ignore=[*self.networks, *objects], logger=False)
        if "_instantiator" in self.hparams:
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
        self.ema = nn.ModuleDict()
        """Averaged copies of the generators, by attribute name; the EMA callback fills it."""

    # What a family says.

    @property
    @abstractmethod
    def generators(self) -> dict[str, nn.Module]:
        """The generators, by attribute name."""

    @property
    @abstractmethod
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminators, by attribute name."""

    @abstractmethod
    def adversarial_step(self, batch: Any) -> None:
        """One batch: compute each side's loss in the paper's order and call :meth:`optimize` with it."""

    @classmethod
    def check_data(cls, data: type) -> None:
        """Refuse data modules whose batches a family cannot use, with an InputError; the family says which."""

    # One batch is one step.

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One batch, counted as one step whatever the optimizers do in it."""
        before, after = self._take_step_counters()
        before()
        seed_step(self.device, self.run_seed, "step", self.global_rank, self.global_step)
        self.adversarial_step(batch)
        for scheduler in self._run_schedulers():
            with warnings.catch_warnings():
                # PyTorch minds a schedule that moves before its optimizer, as G's does while D takes its turns.
                warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
                scheduler.step()
        after()

    def _take_step_counters(self) -> tuple[Callable[[], None], Callable[[], None]]:
        """Lightning's step counter, taken off the optimizers: left there it would count every optimizer's steps."""
        optimizers = self._run_optimizers()
        counters = optimizers[0]._on_before_step, optimizers[0]._on_after_step
        for optimizer in optimizers:
            optimizer._on_before_step = optimizer._on_after_step = do_nothing_closure
        return counters

    def _run_optimizers(self) -> list[LightningOptimizer]:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        return optimizers

    def _run_schedulers(self) -> list[LRScheduler]:
        schedulers = self.lr_schedulers() or []
        return schedulers if isinstance(schedulers, list) else [schedulers]

    # Steps of one side.

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
        """Whether side ``name`` moves in this batch."""
        return self.sides[name].is_due(self.global_step)

    def optimize(self, name: str, loss: Tensor) -> None:
        """Move one side down the gradient of ``loss``; the other side's gradients and weights are left alone.

        Args:
            name: "g" or "d".
            loss: a scalar.
        """
        side = self.sides[name]
        optimizer = self._run_optimizers()[side.optimizer]
        position = side.update_index(self.global_step) % side.accumulate
        if position == 0:
            optimizer.zero_grad()
        # Restricting backward to `inputs` freezes the other side at no cost: its weights' gradients are not computed.
        self.manual_backward(loss / side.accumulate, inputs=side.parameters)
        if position == side.accumulate - 1:
            optimizer.step()
            if self.should_log:
                self.log_scalar(f"grad_norm/{name}", self._gradient_norm)
        self.losses[name] = loss.detach()
        self.log_scalar(f"loss/{name}", loss, prog_bar=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Measure and clip the gradient here, where it is already unscaled under mixed precision."""
        for side in self.sides.values():
            if optimizer is not self._run_optimizers()[side.optimizer].optimizer:
                continue
            if self.should_log:
                # Logged by `step`: in a hook, Lightning would drop what the training step has logged.
                gradients = [p.grad for p in side.parameters if p.grad is not None]
                self._gradient_norm = nn.utils.get_total_norm(gradients)
            if side.clip is not None:
                self.clip_gradients(optimizer, gradient_clip_val=side.clip, gradient_clip_algorithm="norm")

    # Optimizers and schedules.

    def configure_optimizers(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a valid form, wider than the hint
        """One optimizer for each side, generators first."""
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
        """Epochs begun and steps done: of the run in ``fit``, else of the checkpoint that was loaded."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            return self.trainer.current_epoch + 1, self.global_step
        return self._loaded

    # Randomness.

    @property
    def run_seed(self) -> int:
        """The seed of this run: all randomness is a function of it, the rank and the step."""
        return run_seed(self._trainer)

    def generator_for(self, *parts: int | str) -> torch.Generator:
        """A random generator on this device that depends on the run's seed and ``parts`` only."""
        return derive_generator(self.device, self.run_seed, *parts)

    # Averages.

    def add_ema(self) -> None:
        """Give every generator an averaged copy, if it has none yet."""
        for name, network in self.generators.items():
            if name not in self.ema:
                self.ema[name] = copy.deepcopy(network).requires_grad_(False).eval()

    def eval_generator(self, name: str) -> nn.Module:
        """The generator to evaluate, sample and ship: the averaged copy where there is one, else the raw network."""
        return self.ema[name] if name in self.ema else self.generators[name]

    @property
    def weights_kind(self) -> str:
        """What :meth:`eval_generator` returns, "ema" or "raw": part of every score's stamp."""
        return "ema" if len(self.ema) else "raw"

    @property
    def batch_norm(self) -> str:
        """Which statistics normalise in evaluation; part of every stamp, as is :meth:`dropout`."""
        return "running"

    @property
    def dropout(self) -> str:
        """Whether generators drop activations in evaluation, "on" or "off"."""
        return "off"

    # Checkpoints.

    def setup(self, stage: str) -> None:
        """Refuse data of another kind, and strategies whose gradients would be wrong."""
        if (data := data_module(self.trainer)) is not None:
            self.check_data(type(data))
            check_offers(data, self.data_protocol, type(self).__name__)
        _ = self.run_seed  # here, where all ranks are, since they may have to agree on one
        if not isinstance(self.trainer.strategy, (SingleDeviceStrategy, AlternatingDDP)):
            reject_strategy(self.trainer.strategy)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the run's seed and gradients accumulated so far; keep hyperparameters to plain data."""
        checkpoint[RUN_SEED] = self.run_seed
        checkpoint[GRADIENTS] = self._unfinished_gradients()
        checkpoint[SECONDS] = self.stopwatch.seconds
        # For whoever uses the model later, and has this file alone.
        checkpoint["versions"] = package_versions()
        if (data := data_module(self.trainer)) is not None:
            checkpoint["data"] = f"{type(data).__module__}.{type(data).__qualname__}"
            if isinstance(data, PairData):
                checkpoint["palettes"] = {domain: dict(palette) for domain, palette in data.palettes.items()}
        if "hyper_parameters" in checkpoint:
            checkpoint["hyper_parameters"] = plain_settings(dict(checkpoint["hyper_parameters"]))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make room for averages, and refuse settings that the checkpoint's states would silently override."""
        self._loaded = (checkpoint["epoch"] + 1, checkpoint["global_step"])
        self.stopwatch.before = checkpoint.get(SECONDS, 0.0)
        if self._trainer is not None:
            fitting = self.trainer.state.fn == TrainerFn.FITTING
            refuse_changed_settings(
                (*self.networks, *CHECKPOINTED_SETTINGS) if fitting else self.networks,
                {**plain_settings(dict(self.hparams)), RUN_SEED: self.run_seed},
                {**checkpoint.get("hyper_parameters", {}), RUN_SEED: checkpoint.get(RUN_SEED, self.run_seed)},
            )
            self._gradients = checkpoint.get(GRADIENTS, {}) if fitting else {}
        self._fit_averages(checkpoint["state_dict"])

    def on_fit_start(self) -> None:
        """Start the clock; tell the loggers the settings that are plain data."""
        self.stopwatch.start()
        for logger in self.loggers:
            logger.log_hyperparams(plain_settings({k: v for k, v in self.hparams.items() if k != "_instantiator"}))

    def on_train_start(self) -> None:
        """Tell schedules the run's length; put back gradients that were being accumulated at the checkpoint.

        The length is asked for here and not where schedules are made: asking sets up the training loader, and one set
        up before the checkpoint is restored would start the epoch anew.
        """
        for scheduler in self._run_schedulers():
            if isinstance(scheduler, LinearDecay):
                scheduler.total_steps = self._run_length()
        parameters = dict(self.named_parameters())
        for name, gradient in self._gradients.items():
            parameters[name].grad = gradient.to(parameters[name])
        self._gradients = {}

    def _unfinished_gradients(self) -> dict[str, Tensor]:
        """Gradients of sides that are between two optimizer steps."""
        unfinished = [side for side in self.sides.values() if side.is_accumulating(self.global_step)]
        wanted = {id(p) for side in unfinished for p in side.parameters}
        return {n: p.grad for n, p in self.named_parameters() if id(p) in wanted and p.grad is not None}

    def _fit_averages(self, state: dict[str, Tensor]) -> None:
        """Match the averaged copies here with those of a checkpoint."""
        stored = any(key.startswith("ema.") for key in state)
        if stored:
            self.add_ema()
        elif len(self.ema):
            rank_zero_warn("The checkpoint holds no averaged generator; the average starts from its generator.")
            for name in self.generators:
                copies = {k: v for k, v in state.items() if k.startswith(f"{name}.")}
                state.update({f"ema.{key}": value.clone() for key, value in copies.items()})
