"""Runs that start from the weights of a trained model, and layers that are not trained, or not from the start."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import nn

from lightning_gans.core.arguments import is_class_path
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import expand_path
from lightning_gans.families.averages import AveragedTraining
from lightning_gans.families.transfer import Copied, split_name, take_weights
from lightning_gans.networks.base import AnyDiscriminator
from lightning_gans.networks.blocks import weighted_blocks
from lightning_gans.runs.trained_weights import TrainedWeights, hash_weights, read_trained_weights

STARTED_FROM = "started_from"
"""The key of a checkpoint with the weights that the run started from."""

FROZEN_LAYERS = "frozen_layers"
"""The key of a checkpoint with the layers of the generators that are not trained in the first steps, by network."""

KEY = "model.start_from"


class FineTuning(AveragedTraining, ABC):
    """Starts a run from the weights of a trained model, and keeps layers as they are.

    Frozen layers of a discriminator (FreezeD; Mo, Cho and Shin, 2020) compute a fixed function of the image: their
    weights have no gradients and no optimizer state, and are not synchronized. They are in evaluation mode, in which
    batch normalization uses the running statistics that they have, spectral normalization the singular value that it
    has, and dropout is off. The paper's networks have neither batch normalization nor dropout; in the authors' code the
    estimate of the singular value of a frozen weight goes on.

    Layers of the generators are frozen in the first steps only, until those beside them have been trained, as in
    pix2pixHD's training from coarse to fine (Wang et al., 2018, section 3.2). They are in training mode. The optimizer
    skips them: their weights do not decay, and their state in it begins with their first update.

    Args:
        start_from: a trained model whose weights the networks start from: a checkpoint; a run's folder, of which the
            best checkpoint is used, else the last; a folder of runs, of which the newest is used; or an exported
            folder or ``.safetensors`` file, which has generators only. A generator that has an average starts from the
            average, and so does its own. Layers that do not fit, as of another size or other classes, start from random
            weights. Only the weights are taken, once, before the first step: a run that is resumed does not read the
            file, and neither does a model that is loaded.
        freeze_d: number of blocks of each discriminator that are not trained, from the one next to the image; see
            :meth:`.AnyDiscriminator.feature_blocks`.
        freeze_g_steps: number of steps, from the first, in which the layers of the generators that start from the
            weights of ``start_from`` are not trained, and the others are. With ``accumulate_g`` the first batch of an
            update decides.
        **kwargs: see :class:`.AlternatingTraining`.

    Raises:
        ValueError: if a number is negative.

    Attributes:
        started_from: the weights that the run started from, as plain data: their ``path``, the ``variant`` and ``step``
            of the model, and of each network that took some the ``layers`` and the hash of the ``weights``. None if it
            started from random weights.
        frozen_layers: names of the layers of each generator that are not trained in the first steps.
    """

    def __init__(
        self, *, start_from: Path | str | None = None, freeze_d: int = 0, freeze_g_steps: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        at_least("freeze_d", freeze_d, 0)
        at_least("freeze_g_steps", freeze_g_steps, 0)
        self.start_from = None if start_from is None else expand_path(start_from, "start_from")
        self.freeze_d = freeze_d
        self.freeze_g_steps = freeze_g_steps
        self.frozen_layers: dict[str, list[str]] = {}
        self._trained_first: list[nn.Parameter] = []
        self.started_from: dict[str, Any] | None = None
        self._has_weights = False
        self._frozen: dict[str, list[nn.Module]] = {}

    def source_names(self, name: str) -> tuple[str, ...]:
        """The names or directions that a network may have in the model that a run starts from, the best one first.

        Args:
            name: attribute name of the network.
        """
        return (name,)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As :meth:`.AveragedTraining.load_state_dict`; the weights are not replaced by those of ``start_from``."""
        self._has_weights = True
        return super().load_state_dict(state_dict, strict, assign)

    def setup(self, stage: str) -> None:
        """Freeze the lower layers.

        Raises:
            InputError: if a discriminator has fewer blocks.
        """
        if stage != "fit":
            return
        self._frozen = {name: lower_blocks(name, each, self.freeze_d) for name, each in self.discriminators.items()}
        for module in self._frozen_modules:
            module.requires_grad_(False)
        vars(self).pop("sides", None)  # their parameters are those that are trained

    @property
    def _frozen_modules(self) -> list[nn.Module]:
        return [module for modules in self._frozen.values() for module in modules]

    def on_fit_start(self) -> None:
        """Take the weights of ``start_from``; set frozen layers to training mode until training starts.

        Lightning warns of modules in evaluation mode.

        Raises:
            InputError: if the weights cannot be read, no layer fits, a frozen layer does not, or ``freeze_g_steps``
                would freeze all layers of the generators or none.
        """
        copied = self.take_start()
        if self.freeze_g_steps:
            self._trained_first = self._find_trained_first()
        if copied:
            self._check_frozen(copied)
        elif self.freeze_d and not self._has_weights:
            rank_zero_warn(
                f"model.freeze_d is {self.freeze_d}, but {KEY} is None: the layers that are not trained keep their "
                "random weights."
            )
        for module in self._frozen_modules:
            module.train()

    def on_train_start(self) -> None:
        """As :meth:`.AlternatingTraining.on_train_start`; set the frozen layers to evaluation mode."""
        super().on_train_start()
        for module in self._frozen_modules:
            module.eval()

    def on_test_start(self) -> None:
        """Take the weights of ``start_from``, if the test is one of networks that are not trained further."""
        self.take_start()

    on_validation_start = on_predict_start = on_test_start

    def take_start(self) -> dict[str, Copied]:
        """Take the weights of ``start_from``, unless the model has been given weights.

        The first process reads them and sends them to the others.

        Returns:
            What was copied into each network; empty if nothing was to be.

        Raises:
            InputError: if the weights cannot be read, or no layer fits.
        """
        if self.start_from is None or self._has_weights:
            return {}
        found: TrainedWeights | InputError | None = None
        if self.trainer.is_global_zero:
            try:
                found = read_trained_weights(self.start_from, KEY)
            except InputError as error:
                found = error
        trained = self.trainer.strategy.broadcast(found)
        if not isinstance(trained, TrainedWeights):
            assert isinstance(trained, InputError)
            raise trained
        return self.take(trained)

    def take(self, trained: TrainedWeights) -> dict[str, Copied]:
        """Take the weights of a trained model, and say what was taken.

        Returns:
            What was copied into each network, of those that the trained model has.

        Raises:
            InputError: if no layer fits.
        """
        networks = {**self.generators, **self.generator_heads, **self.discriminators}
        names = {name: self.source_names(name) for name in networks}
        copies = {name: [self.ema[name]] if name in self.ema else [] for name in networks}
        targets = {name: (names[name], [network, *copies[name]]) for name, network in networks.items()}
        copied = take_weights(trained, KEY, targets)
        self._has_weights = True
        if self.freeze_g_steps:
            self.frozen_layers = {
                name: sorted(copied[name].layers & set(layers_of_parameters(network).values()))
                for name, network in self.generators.items()
                if name in copied
            }
        used = {name: trained.network(*names[name]) or "" for name, each in copied.items() if each.layers}
        variant = trained.variant if trained.variant is not None and is_class_path(trained.variant) else None
        self.started_from = {
            "path": str(trained.path),
            "variant": variant,
            "step": trained.step,
            "layers": {name: copied[name].count for name in used},
            "weights": {name: hash_weights(trained.networks[found]) for name, found in used.items()},
        }
        facts = [(variant or "").rpartition(".")[2], "" if trained.step is None else f"step {trained.step:,}"]
        rank_zero_info(f"start_from: {trained.path} ({', '.join(filter(None, facts)) or 'unknown'})")
        for name, choices in names.items():
            average = " (its average)" if trained.network(*choices) in trained.averaged else ""
            rank_zero_info(f"start_from: {name}{average}: {describe(copied.get(name), trained)}")
        return copied

    def updated_parameters(self, name: str) -> list[nn.Parameter]:
        """As :meth:`.AlternatingTraining.updated_parameters`, without the frozen layers of the generators."""
        if name == "g" and self.sides["g"].window_start(self.global_step) < self.freeze_g_steps:
            return self._trained_first
        return super().updated_parameters(name)

    def _find_trained_first(self) -> list[nn.Parameter]:
        """The parameters of the generators' side that are trained from the first step.

        Raises:
            InputError: if these are none or all of them, or a checkpoint has names of other layers.
        """
        frozen: set[int] = set()
        for name, network in self.generators.items():
            layers, stored = layers_of_parameters(network), self.frozen_layers.get(name, [])
            if not isinstance(stored, list) or any(layer not in layers.values() for layer in stored):
                raise InputError(f"the checkpoint's {FROZEN_LAYERS} do not fit model.{name}; expected its own layers")
            frozen |= {weight for weight, layer in layers.items() if layer in stored}
        trained = [weight for weight in self.sides["g"].parameters if id(weight) not in frozen]
        if not frozen or not trained:
            raise InputError(
                f"model.freeze_g_steps is {self.freeze_g_steps}, but {'all' if frozen else 'no'} layers of "
                f"{' and '.join(f'model.{name}' for name in self.generators)} start from the weights of {KEY}; "
                "expected 0, or a network of which some do"
            )
        return trained

    def _check_frozen(self, copied: Mapping[str, Copied]) -> None:
        """Check that the frozen layers are trained ones.

        Args:
            copied: the layers that were taken from a trained model, by network.

        Raises:
            InputError: if one is not.
        """
        for name, network in self.discriminators.items():
            frozen = {id(weight) for module in self._frozen[name] for weight in module.parameters()}
            for layer in (split_name(key)[0] for key, weight in network.named_parameters() if id(weight) in frozen):
                if name not in copied or layer not in copied[name].layers:
                    reason = copied[name].others[layer] if name in copied else f"the file has no {name}"
                    raise InputError(
                        f"model.freeze_d is {self.freeze_d}, but {layer} of model.{name} does not start from the "
                        f"weights of {KEY} ({reason}); expected 0, or a model whose lower layers fit"
                    )


def describe(copied: Copied | None, trained: TrainedWeights) -> str:
    """What was taken for a network, in words.

    Args:
        copied: what was taken; None if the trained model has no such network.
        trained: the trained model.
    """
    if copied is not None:
        return copied.describe()
    return f"random weights ({'an exported model has generators only' if trained.is_exported else 'the file has none'})"


def layers_of_parameters(network: nn.Module) -> dict[int, str]:
    """The name of the layer of each parameter of a network, by the parameter's id."""
    return {id(weight): split_name(key)[0] for key, weight in network.named_parameters()}


def lower_blocks(name: str, network: nn.Module, count: int) -> list[nn.Module]:
    """The modules of a discriminator's lowest blocks.

    Args:
        name: attribute name of the discriminator.
        network: the discriminator.
        count: number of blocks.

    Raises:
        InputError: if there are fewer.
    """
    blocks = network.feature_blocks() if isinstance(network, AnyDiscriminator) else weighted_blocks(network)[:-1]
    if count > len(blocks):
        raise InputError(
            f"model.freeze_d is {count}, but model.{name} ({type(network).__name__}) has {len(blocks)} block(s) below "
            f"the layers that compute its logits; expected at most {len(blocks)}"
        )
    return [module for block in blocks[:count] for module in block]
