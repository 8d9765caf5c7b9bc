"""Copies weights of a trained model's networks into the networks of another model, layer by layer, where they fit.

A layer fits if it has the same name, and the same tensors with the same shapes. Spectral normalization, under which the
weight of a layer has another name in the state of a network, makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_gans.components.bounded import WeightsError, check_finite
from lightning_gans.core.errors import InputError
from lightning_gans.networks.base import Network
from lightning_gans.networks.spectral_state import SPECTRAL, singular_value, vectors_fit
from lightning_gans.runs.trained_weights import TrainedWeights

SHOWN = 3
"""Layers, or tensors of a layer, that are named in a message."""

MOST_LETTERS = 30
"""Letters of the name of a tensor in a message."""

POWER_ITERATIONS = 15
"""As many as PyTorch computes when spectral normalization is applied to a layer."""

Layer = dict[str, Tensor]
"""The tensors of a layer by name; ``weight:u`` and ``weight:v`` are the vectors of spectral normalization."""


@dataclass(frozen=True)
class Copied:
    """What was copied into a network.

    Attributes:
        layers: names of the layers that were copied.
        others: the reason for each layer of the network that was not copied.
        given: number of layers of the trained network.
        has_matrix: whether a layer with a weight of at least two dimensions was copied. Others, such as normalization,
            may fit by accident.
    """

    layers: frozenset[str]
    others: dict[str, str]
    given: int
    has_matrix: bool

    @property
    def count(self) -> str:
        """The number of layers that were copied, and that of all."""
        return f"{len(self.layers)} of {len(self.layers) + len(self.others)}"

    def describe(self) -> str:
        """The numbers, and the first layers that were not copied, each with the reason."""
        if not self.others:
            return f"all {len(self.layers)} layers"
        count = self.count if self.layers else f"none of {len(self.others)}"
        named = [f"{layer} ({reason})" for layer, reason in list(self.others.items())[:SHOWN]]
        more = f" and {len(self.others) - SHOWN} more" if len(self.others) > SHOWN else ""
        file = "" if self.given == len(self.layers) + len(self.others) else f" (the file has {self.given})"
        return f"{count} layers{file}; not {', '.join(named)}{more}"


def copy_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> Copied:
    """Copy the layers of a trained network that fit into another network, in place.

    Args:
        network: the network; it may be one of another size or with other channels and classes.
        weights: the state of the trained network.
    """
    sequences = network.from_largest_map if isinstance(network, Network) else ()
    here, there = layers_of(network.state_dict()), layers_of(weights)
    found = align(there, sequences)
    copied: set[str] = set()
    others: dict[str, str] = {}
    for position, name in align(here, sequences).items():
        reason = "not in the file" if position not in found else misfit(here[name], there[found[position]])
        if reason is None:
            copy_layer(network, name, here[name], there[found[position]])
            copied.add(name)
        else:
            others[name] = reason
    has_matrix = any(tensor.ndim > 1 for name in copied for tensor in here[name].values())
    return Copied(frozenset(copied), others, len(there), has_matrix)


def split_name(name: str) -> tuple[str, str]:
    """The layer of a tensor in the state of a network, and the tensor's name in :data:`Layer`.

    A parameter of the network itself, which is in no layer, is a layer of its own.
    """
    if match := SPECTRAL.fullmatch(name):
        suffix = match["part"].removeprefix("original").replace("0._", ":")
        return match["layer"] or "", f"{match['tensor']}{suffix}"
    layer, _, tensor = name.rpartition(".")
    return layer or tensor, tensor


def layers_of(state: Mapping[str, object]) -> dict[str, Layer]:
    """The layers in the state of a network, by name."""
    layers: dict[str, Layer] = {}
    for key, value in state.items():
        if isinstance(value, Tensor):  # and not of `get_extra_state`
            layer, tensor = split_name(key)
            layers.setdefault(layer, {})[tensor] = value
    return layers


def align(layers: Iterable[str], sequences: Sequence[str]) -> dict[str, str]:
    """Names of layers by what they are compared by.

    This is the name, in which the number of a layer in one of ``sequences`` is replaced by its distance from the end.
    """
    names = {name: name for name in layers}
    for sequence in sequences:
        pattern = re.compile(rf"{re.escape(sequence)}\.(\d{{1,9}})(?=\.|$)")
        numbers = {name: int(match[1]) for name in names.values() if (match := pattern.match(name))}
        last = max(numbers.values(), default=0)
        names = {
            pattern.sub(f"{sequence}.{numbers[name] - last}", name) if name in numbers else position: name
            for position, name in names.items()
        }
    return names


def misfit(here: Layer, there: Layer) -> str | None:
    """Why a layer of a trained network cannot be copied to a layer; None if it can."""
    expected, given = ({name: value for name, value in layer.items() if ":" not in name} for layer in (here, there))
    if expected.keys() != given.keys():
        return f"it has {join(given)} in the file, {join(expected)} here"
    for name, value in expected.items():
        if value.shape != given[name].shape:
            return f"{name} is {shape_of(given[name])} in the file, {shape_of(value)} here"
        if value.is_floating_point() != given[name].is_floating_point() or given[name].is_complex():
            return f"{name} is {given[name].dtype} in the file, {value.dtype} here"
    return None


def join(names: Iterable[str]) -> str:
    """Names of tensors as a list in a message, if they are few; they may come from a stranger's file."""
    listed = sorted(names)
    short = len(listed) <= SHOWN and all(name.isidentifier() and len(name) < MOST_LETTERS for name in listed)
    return " and ".join(listed) if short else f"{len(listed)} tensors"


def shape_of(value: Tensor) -> str:
    """The shape of a tensor in a message."""
    return " x ".join(map(str, value.shape)) or "a number"


@torch.no_grad()
def copy_layer(network: nn.Module, name: str, here: Layer, there: Layer) -> None:
    """Copy a layer that fits.

    From a layer with spectral normalization to one without it the normalized weight is copied, so that both compute the
    same. The singular value of a weight that comes from a layer without it is estimated anew.

    Args:
        network: the network that has the layer.
        name: of the layer.
        here: its tensors, which share their memory with the network.
        there: the tensors of the trained network's layer.

    Raises:
        InputError: if the vectors of spectral normalization do not fit their weight.
    """
    layer = dict(network.named_modules()).get(name, network)  # which may be a parameter
    for tensor, value in here.items():
        if ":" in tensor:
            continue
        normalized, vectors = f"{tensor}:u" in here, [there.get(f"{tensor}:{vector}") for vector in "uv"]
        given, (left, right) = there[tensor], vectors
        if left is None or right is None:
            value.copy_(given)
            if normalized:
                estimate_norm(layer, tensor)
        elif normalized and left.shape == here[f"{tensor}:u"].shape and right.shape == here[f"{tensor}:v"].shape:
            value.copy_(given)
            here[f"{tensor}:u"].copy_(left)
            here[f"{tensor}:v"].copy_(right)
        else:
            if not vectors_fit(layer, given, left, right):
                raise InputError("model.start_from has vectors of spectral normalization that do not fit their weight")
            value.copy_(given / singular_value(layer, given, left, right))
            if normalized:
                estimate_norm(layer, tensor)


def estimate_norm(layer: nn.Module, tensor: str) -> None:
    """Estimate the largest singular value of a layer's weight from the vectors that the layer has."""
    mode = layer.training
    layer.train()
    for _ in range(POWER_ITERATIONS):
        getattr(layer, tensor)  # in training mode, each access is a step of power iteration
    layer.train(mode)


def take_weights(
    trained: TrainedWeights, key: str, networks: Mapping[str, tuple[Sequence[str], Sequence[nn.Module]]]
) -> dict[str, Copied]:
    """Copy the layers of a trained model that fit into the networks of another one.

    Args:
        trained: the weights of the trained model.
        key: the setting that names them, for messages.
        networks: by name of each network: the names that it may have in the trained model, the first choice first; and
            the network with its copies.

    Returns:
        What was copied, by name of the network, of those that the trained model has.

    Raises:
        InputError: if no layer with a weight of at least two dimensions fits, or weights are not finite.
    """
    copied: dict[str, Copied] = {}
    for name, (choices, copies) in networks.items():
        if (found := trained.network(*choices)) is None:
            continue
        weights = trained.networks[found]
        try:
            check_finite(weights)
        except WeightsError as error:
            raise InputError(f"{key} is {trained.path}, whose {error}") from error
        copied[name], *_ = [copy_weights(each, weights) for each in copies]  # the same for the network and its copies
    if not any(each.has_matrix for each in copied.values()):
        reasons = "; ".join(f"{name}: {copied[name].describe()}" for name in copied)
        has = reasons or f"the file has no {' and no '.join(networks)}"
        raise InputError(
            f"{key} is {trained.path}, whose weights fit no layer of this run ({has}); expected a model with networks "
            "of the same classes, whose feature maps of the same side have as many channels"
        )
    return copied
