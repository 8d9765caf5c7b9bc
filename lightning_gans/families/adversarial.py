"""The base class of every variant: alternating training, with averaged generators and exact resume."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import torch
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_gans.components.class_paths import Trust
from lightning_gans.core.batches import count_images
from lightning_gans.core.data import check_offers, data_module, describe_names
from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.core.files import expand_path
from lightning_gans.core.precision import check_precision
from lightning_gans.core.randomness import adopt_seed
from lightning_gans.distributed.strategy import AlternatingDDP, reject_strategy
from lightning_gans.families.compat import INSTANTIATOR, settle_progress
from lightning_gans.families.compiled import refuse_compiled
from lightning_gans.families.defaults import MadeForData
from lightning_gans.families.fine_tuning import FROZEN_LAYERS, STARTED_FROM, FineTuning
from lightning_gans.families.hooks import skip_profiling
from lightning_gans.families.loaders import attach_loaders, warn_of_range
from lightning_gans.families.meter import TrainingMeter
from lightning_gans.families.part_states import load_part_states, part_states
from lightning_gans.families.reconstruction import CLASS_PATH, build_model, describe_model, find_model_class
from lightning_gans.families.resume import (
    CHECKPOINTED_SETTINGS,
    FROZEN_PARTS,
    RUN_SEED,
    plain_settings,
    refuse_changed_settings,
)
from lightning_gans.runs.checkpoint_file import NOT_STORED, read_checkpoint
from lightning_gans.runs.record import describe_run, package_versions

GRADIENTS = "accumulated_gradients"
LOSS_SCALING = "loss_scaling"


class NotStoredWarning(UserWarning):
    """An argument of a model is not in its checkpoints."""


class Adversarial(FineTuning, MadeForData, ABC):
    """Base class of every variant: alternating training, averaged generators, exact resume.

    Args:
        **kwargs: see :class:`.FineTuning`.

    Attributes:
        meter: measures the training time, and counts the images.
        logged_settings: plain data that loggers get beside the hyperparameters, by key; callbacks may add their own.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._gradients: dict[str, Tensor] = {}
        self._loaded = (0, 0)
        self.meter = TrainingMeter()
        self.logged_settings: dict[str, Any] = {}
        self._warned = False
        self._full_batch = 0
        self.is_first_foreign_batch = False

    @property
    def progress(self) -> tuple[int, int]:
        """The number of epochs begun and of steps done: by the run in ``fit``, otherwise by the loaded checkpoint."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            return self.trainer.current_epoch + 1, self.global_step
        return self._loaded

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Train on one batch, and count its images."""
        super().training_step(batch, batch_idx)
        self.meter.count(count_images(batch) * self.trainer.world_size)

    # Evaluation.

    def evaluated_places(self, count: int, batch_idx: int) -> range:
        """The places of the images of an evaluation batch among those of all processes.

        Args:
            count: number of images in the batch.
            batch_idx: number of the batch on this rank; that of the first batch, 0, comes before the others.
        """
        if not batch_idx:
            data = data_module(self.trainer)
            self._full_batch = count if data is None else data.eval_batch_size  # the last batch may be smaller
        first = (batch_idx * self.trainer.world_size + self.global_rank) * self._full_batch
        return range(first, first + count)

    @property
    def scored_domains(self) -> tuple[str, ...]:
        """The domains whose generated images evaluation compares with real ones, of data with two."""
        return ("a", "b")

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
        """Check data, strategy and precision, and that the model is not compiled as a whole; freeze layers of D.

        Raises:
            InputError: if the family cannot use the data, the strategy would compute wrong gradients, weights would not
                be float32, the model is compiled, or a discriminator has not so many layers.
        """
        self.is_first_foreign_batch = (data := data_module(self.trainer)) is None
        if data is not None:
            self.check_data(type(data))
            check_offers(data, self.data_protocol, type(self).__name__)
        _ = self.run_seed  # its first use may be a broadcast, which all ranks must join
        if not isinstance(self.trainer.strategy, (SingleDeviceStrategy, AlternatingDDP)):
            reject_strategy(self.trainer.strategy)
        check_precision(self.trainer.precision)
        skip_profiling(self.trainer)
        if stage == "fit":
            self.meter.discard()
            refuse_compiled(self, {**self.generators, **self.discriminators})
        super().setup(stage)

    def warn_in_first_batch(self, *images: Tensor) -> bool:
        """Warn if images do not span [-1, 1], in the first batch of a stage without a data module.

        Args:
            *images: the images of the batch.

        Returns:
            Whether this is the first batch of such a stage.
        """
        first, self.is_first_foreign_batch = self.is_first_foreign_batch, False
        if first:
            for each in images:
                warn_of_range(each)
        return first

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the run's seed, gradients, loss scales and facts about the run; keep plain hyperparameters only."""
        checkpoint[RUN_SEED] = self.run_seed
        checkpoint[GRADIENTS] = self._unfinished_gradients()
        checkpoint[LOSS_SCALING] = {} if self.loss_scaling is None else self.loss_scaling.state_dict()
        checkpoint.update(self.meter.state())
        checkpoint.update(part_states(self))
        if self.started_from is not None:
            checkpoint[STARTED_FROM] = self.started_from
        if self.frozen_layers:
            checkpoint[FROZEN_LAYERS] = self.frozen_layers
        # For users of the model who have only this file.
        checkpoint["versions"] = package_versions()
        if (data := data_module(self.trainer)) is not None:
            checkpoint["data"] = f"{type(data).__module__}.{type(data).__qualname__}"
            checkpoint.update(describe_names(data))
        checkpoint["hyper_parameters"], checkpoint[NOT_STORED] = self._describe()
        if checkpoint[NOT_STORED] and not self._warned:
            self._warned = True
            reasons = "; ".join(f"{name}: {reason}" for name, reason in checkpoint[NOT_STORED].items())
            rank_zero_warn(
                f"Checkpoints cannot store these arguments of {type(self).__name__} ({reasons}). To load one, pass "
                "them to load_from_checkpoint.",
                category=NotStoredWarning,
            )

    def _describe(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The model's settings as plain data, and the reasons why others cannot be described."""
        if INSTANTIATOR in self.hparams:
            return plain_settings(dict(self.hparams)), {}  # from the command line
        made = {f"optimizer_{name}": side.optimizer for name, side in self.sides.items()}
        optimizers = {name: self.trainer.optimizers[index] for name, index in made.items() if self._has_optimizers}
        return describe_model(self, optimizers)

    @property
    def _has_optimizers(self) -> bool:
        return self.trainer_or_none() is not None and len(self.trainer.optimizers) == len(self.sides)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # Lightning's is a descriptor
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device = "cpu",
        *,
        strict: bool = True,
        trust: Iterable[str | type] = (),
        **kwargs: Any,
    ) -> Self:
        """Load the model of a checkpoint, with its parts and weights, to train or evaluate it.

        Lightning's method of this name cannot build final classes, nor parts that Python gave as objects.

        Args:
            checkpoint_path: the file.
            map_location: device of the model.
            strict: whether all weights must fit.
            trust: classes, or their paths such as "mynet.MyGenerator", that the checkpoint may name beside this one,
                those of this package and of torch. Their modules are imported.
            **kwargs: arguments of the constructor in place of those of the checkpoint.

        Returns:
            A model of the checkpoint's class, which is this class or a subclass.

        Raises:
            UntrustedClassError: if the checkpoint names other classes.
            InputError: if the file is no checkpoint of this class, its model cannot be built, or its weights do not
                fit.
        """
        path = expand_path(checkpoint_path, "checkpoint_path")
        checkpoint = read_checkpoint(path, "checkpoint_path")
        settings, missing = checkpoint.get("hyper_parameters", {}), checkpoint.get(NOT_STORED, {})
        trusted, where = Trust(trust), f"checkpoint_path is {path}"
        kind = find_model_class(settings, cls, path, trusted)
        model = build_model(kind, checkpoint, kwargs, kind.networks, trusted, where)
        if forgotten := [name for name in missing if name not in kwargs and name != CLASS_PATH]:
            names = ", ".join(forgotten)
            message = f"{path} does not store {names}, for which the defaults are used."
            rank_zero_warn(message, category=NotStoredWarning)
        model.on_load_checkpoint(checkpoint)
        try:
            model.load_state_dict(checkpoint["state_dict"], strict=strict)
        except (RuntimeError, TypeError, ValueError) as error:
            reason = short_reason(error)
            raise InputError(f"{where}, whose weights do not fit its {kind.__name__} ({reason})") from error
        return model.to(map_location)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add averages to a checkpoint without them, and check the settings that the checkpoint's state overrides.

        Raises:
            InputError: if such a setting differs from the checkpoint's.
        """
        self._loaded = (checkpoint["epoch"] + 1, checkpoint["global_step"])
        self.meter.resume(checkpoint)
        load_part_states(self, checkpoint)
        self.started_from = checkpoint.get(STARTED_FROM)
        self.frozen_layers = checkpoint.get(FROZEN_LAYERS, {})
        if self.trainer_or_none() is not None:
            fitting = self.trainer.state.fn == TrainerFn.FITTING
            if RUN_SEED in checkpoint:
                adopt_seed(self.trainer, checkpoint[RUN_SEED])
            now, then = self._describe()[0], checkpoint.get("hyper_parameters", {})
            if (INSTANTIATOR in now) != (INSTANTIATOR in then):
                now = {}  # the command line describes the same part in other words than Python
            refuse_changed_settings(
                (*self.networks, *CHECKPOINTED_SETTINGS) if fitting else self.networks,
                {**now, RUN_SEED: self.run_seed, **{key: getattr(self, key) for key in FROZEN_PARTS}},
                {**dict.fromkeys(FROZEN_PARTS, 0), **then, RUN_SEED: checkpoint.get(RUN_SEED, self.run_seed)},
            )
            if fitting:
                self._check_training_state(checkpoint)
            self._gradients = checkpoint.get(GRADIENTS, {}) if fitting else {}
            self._loss_scales = checkpoint.get(LOSS_SCALING, {}) if fitting else {}
            if fitting and "loops" in checkpoint:
                settle_progress(checkpoint["loops"], counts_steps=self.trainer.max_steps != -1)
        self.add_missing_averages(checkpoint["state_dict"])

    def _check_training_state(self, checkpoint: dict[str, Any]) -> None:
        """Check the parts of a checkpoint that Lightning would ignore, and those that are restored later.

        Raises:
            InputError: if a part is missing or does not fit this model.
        """
        schedules = sum(self._schedulers[name] is not None for name in self.sides)
        for key, count in (("optimizer_states", len(self.sides)), ("lr_schedulers", schedules)):
            if key in checkpoint and len(checkpoint[key]) != count:
                raise InputError(f"the checkpoint's {key} has {len(checkpoint[key])} entries; expected {count}")
        parameters = dict(self.named_parameters())
        for name, gradient in checkpoint.get(GRADIENTS, {}).items():
            if not isinstance(gradient, Tensor) or name not in parameters or gradient.shape != parameters[name].shape:
                raise InputError(f"the checkpoint's {GRADIENTS} do not fit the model; expected those of its parameters")

    def on_validation_model_zero_grad(self) -> None:
        """Keep the gradients, which may be accumulating; those of a finished step are freed already."""

    def on_fit_start(self) -> None:
        """Start the meter, and log the hyperparameters that are plain data with the other settings of the run."""
        super().on_fit_start()
        self.meter.start()
        settings = {**plain_settings(dict(self.hparams)), **self._describe()[0], "variant": type(self).__name__}
        started = {} if self.started_from is None else {STARTED_FROM: self.started_from}
        settings |= describe_run(self.trainer, self.run_seed, self.logged_settings) | started
        for logger in self.loggers:
            logger.log_hyperparams({key: value for key, value in settings.items() if not key.startswith("_")})

    def on_fit_end(self) -> None:
        """Stop the meter."""
        self.meter.stop()

    def on_train_start(self) -> None:
        """Set the schedules' length, and restore the gradients that were being accumulated at the checkpoint."""
        super().on_train_start()
        attach_loaders(self.trainer)
        parameters = dict(self.named_parameters())
        for name, gradient in self._gradients.items():
            parameters[name].grad = gradient.to(parameters[name])
        self._gradients = {}

    def _unfinished_gradients(self) -> dict[str, Tensor]:
        """Gradients, by parameter name, of the sides that are accumulating.

        With several processes they are replaced by their mean, from which a resumed run continues as this one does.
        """
        unfinished = [side for side in self.sides.values() if side.is_accumulating(self.global_step)]
        if isinstance(self.trainer.strategy, AlternatingDDP):
            for side in unfinished:
                self.trainer.strategy.average_gradients(side.parameters)
        wanted = {id(p) for side in unfinished for p in side.parameters}
        return {n: p.grad for n, p in self.named_parameters() if id(p) in wanted and p.grad is not None}


def as_adversarial(module: LightningModule, callback: Callback) -> Adversarial:
    """The module of a run, for a callback that works with those of this package only.

    Raises:
        InputError: if it is another module.
    """
    if isinstance(module, Adversarial):
        return module
    raise InputError(
        f"{type(callback).__name__} is a callback for models of lightning_gans, but the model is "
        f"{type(module).__name__}; expected a subclass of lightning_gans.families.Adversarial, or no such callback"
    )
