"""The weights of a trained model by network, from a checkpoint or an exported model. Nothing is built or imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_gans.core.arguments import check_plain_tree
from lightning_gans.core.errors import InputError
from lightning_gans.runs.checkpoint_file import Contents, read_checkpoint
from lightning_gans.runs.find_checkpoint import find_checkpoint
from lightning_gans.runs.record import check_metadata
from lightning_gans.runs.weights_file import CONFIG, SAFETENSORS, WEIGHTS, read_header, read_json, read_safetensors

HASH_DIGITS = 12
"""Hexadecimal digits of the hash of weights."""

Weights = dict[str, Tensor]
"""The state of a network: its weights and buffers by name."""


@dataclass(frozen=True)
class TrainedWeights:
    """The weights of a trained model.

    Attributes:
        path: the checkpoint, or the exported folder or file.
        networks: the state of each network, by attribute name; of a generator that has an average, the average.
        averaged: names of the networks whose average it is.
        directions: names of the generators of a translation model, by direction.
        is_exported: whether it is an exported model, which has generators only.
        variant: class path of the model; None if it is not known.
        step: number of training steps; None if it is not known.
    """

    path: Path
    networks: dict[str, Weights]
    averaged: frozenset[str] = frozenset()
    directions: dict[str, str] = field(default_factory=dict)
    is_exported: bool = False
    variant: str | None = None
    step: int | None = None

    def network(self, *names: str) -> str | None:
        """The name of the first of these networks that the file has, each by its name or direction; None for none."""
        found = (self.directions.get(name, name) for name in names)
        return next((name for name in found if name in self.networks), None)


def read_trained_weights(path: Path, key: str = "path") -> TrainedWeights:
    """Read the weights of a trained model.

    Args:
        path: a checkpoint; a run's folder, of which the best checkpoint is used, else the last; a folder of runs, of
            which the newest is used; a folder written by ``save_pretrained``; a ``.safetensors`` file written by
            ``lightning-gans export``; or the name of a shipped model.
        key: the setting or argument that names it, for messages.

    Raises:
        InputError: if there is no such file, or it cannot be read.
    """
    place = find_checkpoint(path, key)
    if place.is_dir() or place.suffix == SAFETENSORS:
        return exported_weights(place, key)
    return checkpoint_weights(read_checkpoint(place, key), place)


def checkpoint_weights(checkpoint: Contents, path: Path) -> TrainedWeights:
    """The weights in a checkpoint.

    Args:
        checkpoint: contents of the checkpoint.
        path: its file.
    """
    state, settings = checkpoint["state_dict"], checkpoint.get("hyper_parameters", {})
    networks: dict[str, Weights] = {}
    averages: dict[str, Weights] = {}
    for key, value in state.items():
        if isinstance(value, Tensor):  # and not of `get_extra_state`
            network, _, name = key.removeprefix("ema.").partition(".")
            (averages if key.startswith("ema.") else networks).setdefault(network, {})[name] = value
    variant = settings.get("_class_path")
    return TrainedWeights(
        path,
        {**networks, **averages},
        averaged=frozenset(averages),
        directions=generator_names(settings, state) if "channels_a" in settings else {},
        variant=variant if isinstance(variant, str) else None,
        step=checkpoint["global_step"],
    )


def exported_weights(path: Path, key: str) -> TrainedWeights:
    """The weights in a folder written by ``save_pretrained``, or in an exported file.

    Raises:
        InputError: if it cannot be read.
    """
    where = f"{key} is {path}"
    if path.is_dir():
        config, prefix = read_json(path / CONFIG, where), ""
    else:
        config = read_header(path, key)
        prefix = weights_prefix(config)
    try:
        check_plain_tree("the config", config)
        check_metadata(config.get("metadata"))
    except ValueError as error:
        raise InputError(f"{where}, which describes no model of lightning-gans ({error})") from error
    networks: dict[str, Weights] = {}
    for name, value in read_safetensors(path / WEIGHTS if path.is_dir() else path, where).items():
        network, _, rest = f"{prefix}{name}".removeprefix("networks.").partition(".")
        networks.setdefault(network, {})[rest] = value
    directions = {name: name for name in networks if "generators" in config}
    if len(networks) == 1:
        only = next(iter(networks))
        networks, directions = {"generator": networks[only]}, dict.fromkeys(directions, "generator")
    metadata = config["metadata"]
    return TrainedWeights(
        path,
        networks,
        averaged=frozenset(networks if metadata.get("weights") == "ema" else ()),
        directions=directions,
        is_exported=True,
        variant=metadata.get("variant"),
        step=metadata.get("step"),
    )


def weights_prefix(header: Mapping[str, Any]) -> str:
    """The prefix of the names of weights in a model, of those in the file of one generator."""
    generators = header.get("generators")
    if not isinstance(generators, Mapping):
        return "network."
    return f"networks.{next(iter(generators), '')}."


def generator_names(settings: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of a translation model's generators by direction, "a_to_b" first."""
    both = {name: name for name in ("a_to_b", "b_to_a") if any(key.startswith(f"{name}.") for key in state)}
    return both or {"b_to_a" if settings.get("direction") == "b_to_a" else "a_to_b": "generator"}


def hash_weights(weights: Mapping[str, Tensor]) -> str:
    """The first digits of a SHA-256 of weights, their names, types and shapes, in whatever kind of file they are."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        flat = value.detach().cpu().contiguous().flatten()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:HASH_DIGITS]
