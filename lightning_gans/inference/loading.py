"""Loading of pretrained models from checkpoints, runs' folders, exported folders and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.core.arguments import short_text
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_path
from lightning_gans.inference.construct import ClassConfig
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.networks.base import Generator, Translator
from lightning_gans.runs.checkpoint_file import NOT_STORED, Contents, read_checkpoint
from lightning_gans.runs.find_checkpoint import find_checkpoint
from lightning_gans.runs.record import ModelMetadata
from lightning_gans.runs.scores import parse_complete_rows
from lightning_gans.runs.settings import without_machine_paths
from lightning_gans.runs.trained_weights import generator_names, weights_prefix
from lightning_gans.runs.weights_file import CONFIG, SAFETENSORS, WEIGHTS, read_header, read_json, read_safetensors

DEFAULT_NOISE = {"class_path": "lightning_gans.components.noise.NormalNoise"}
"""Config of the noise that variants use by default."""

MODEL_CLASSES: dict[str, type[PretrainedModel]] = {"generator": LatentSampler, "generators": ImageTranslator}
"""Model classes by an argument that only their constructor has."""

DATA_FACTS = ("data_name", "contents", "classes", "domains", "palettes", "borders")
"""Facts about the training data that checkpoints record."""


def load(
    path: str | os.PathLike[str],
    *,
    raw: bool = False,
    device: str | torch.device = "cpu",
    trust: Iterable[str | type] = (),
) -> PretrainedModel:
    """Load a pretrained model.

    Args:
        path: a checkpoint; a run's folder, of which the best checkpoint is used, else the last; a folder of runs, of
            which the newest is used; a folder written by ``save_pretrained``; a ``.safetensors`` file written by
            ``lightning-gans export``; or the name of a model that ships with this package, such as "cgan/mnist", as
            ``lightning-gans models`` lists them, if there is no such file or folder.
        raw: of a checkpoint, use the weights as the optimizer left them instead of their moving average.
        device: device of the model.
        trust: classes, or their paths such as "mynet.MyGenerator", that the file may name beside those of this package
            and of torch. Their modules are imported.

    Returns:
        A :class:`.LatentSampler` with ``sample`` and ``interpolate``, or an :class:`.ImageTranslator` with
        ``translate``.

    Raises:
        UntrustedClassError: if the file names other classes.
        InputError: if the file does not exist or holds no model, a class that it names cannot be built here, its
            weights do not fit or are not finite, or the device is not available.
    """
    place, trusted = find_checkpoint(expand_path(path, "path")), Trust(trust)
    if place.is_dir() or place.suffix == SAFETENSORS:
        model = load_exported(place, raw, trusted)
    else:
        model = from_checkpoint(read_checkpoint(place), place, raw, trusted)
    return model.to(check_device(device))


def check_device(device: str | torch.device) -> torch.device:
    """Check that a device is available.

    Raises:
        InputError: if it is not.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"device is {device}, which cannot be used here ({reason})") from error
    return torch.device(device)


def load_exported(place: Path, raw: bool, trust: Trust = NO_TRUST) -> PretrainedModel:
    """Load the model in a folder written by ``save_pretrained``, or in an exported file.

    Raises:
        InputError: if it cannot be read, or ``raw`` is true and it holds averaged weights.
    """
    model = load_folder(place, trust) if place.is_dir() else load_generator_file(place, trust)
    if raw and model.weights_kind != "raw":
        raise InputError(f"raw weights are requested, but {place} holds only {model.weights_kind} weights")
    return model


def load_folder(folder: Path, trust: Trust = NO_TRUST) -> PretrainedModel:
    """Load the model in a folder written by ``save_pretrained``.

    Raises:
        InputError: if it cannot be read.
    """
    where = f"path is {folder}"
    config = read_json(folder / CONFIG, where)
    kind = model_class(config, folder)
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{where}, which has no {WEIGHTS}; expected a folder written by save_pretrained")
    return kind.from_config(config, read_safetensors(folder / WEIGHTS, where), where, trust)


def load_generator_file(path: Path, trust: Trust = NO_TRUST) -> PretrainedModel:
    """Load the model in a file written by ``lightning-gans export --format safetensors``.

    Raises:
        InputError: if it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"path is {path}, which does not exist; expected a checkpoint file")
    header = read_header(path)
    kind = model_class(header, path)
    where = f"path is {path}"
    weights = {f"{weights_prefix(header)}{name}": value for name, value in read_safetensors(path, where).items()}
    return kind.from_config(header, weights, where, trust)


def select_network(model: PretrainedModel, direction: str | None = None) -> Generator | Translator:
    """The network of a model, or that of one of its directions.

    Raises:
        ValueError: if the model does not have that direction.
    """
    if isinstance(model, ImageTranslator):
        return model.network(direction)
    assert isinstance(model, LatentSampler)
    if direction is not None:
        raise ValueError(f"direction is {direction}, but this model generates images from noise; expected None")
    return model.network


def model_class(config: Any, place: Path) -> type[PretrainedModel]:
    """The class of the model that a config describes.

    Raises:
        InputError: if it is the config of something else.
    """
    for argument, kind in MODEL_CLASSES.items():
        if isinstance(config, Mapping) and argument in config:
            return kind
    raise InputError(
        f"path is {place}, which describes no model of lightning-gans; expected what `lightning-gans export` writes"
    )


def from_checkpoint(checkpoint: Contents, path: Path, raw: bool = False, trust: Trust = NO_TRUST) -> PretrainedModel:
    """Build the model in a checkpoint.

    Args:
        checkpoint: contents of the checkpoint.
        path: its file, for messages.
        raw: see :func:`load`.
        trust: see :func:`load`.

    Raises:
        UntrustedClassError: if the checkpoint names classes that are not trusted.
        InputError: if the checkpoint does not describe its generator or noise, they cannot be built here, or its
            weights do not fit or are not finite.
    """
    settings, missing = checkpoint.get("hyper_parameters", {}), checkpoint.get(NOT_STORED, {})
    for name in ("generator", "noise"):
        if name in missing:
            raise InputError(
                f"path is {path}, which does not describe its {name}, since {short_text(missing[name])}; expected a "
                f"part that a checkpoint can store, or give it to the model's load_from_checkpoint as {name}=..."
            )
    generator = settings.get("generator")
    if not isinstance(generator, Mapping) or "class_path" not in generator:
        raise InputError(
            f"path is {path}, which does not describe its generator; expected a checkpoint of a model of lightning-gans"
        )
    state, where = checkpoint["state_dict"], f"path is {path}"
    config: dict[str, Any] = {"metadata": read_metadata(checkpoint, raw)}
    if "channels_a" not in settings:
        config |= {"generator": generator, "noise": settings.get("noise") or DEFAULT_NOISE}
        return LatentSampler.from_config(config, select_weights("generator", state, raw, "network."), where, trust)
    names = generator_names(settings, state)
    config["generators"] = {direction: translator_config(generator, settings, direction) for direction in names}
    weights: dict[str, Tensor] = {}
    for direction, name in names.items():
        weights |= select_weights(name, state, raw, f"networks.{direction}.")
    return ImageTranslator.from_config(config, weights, where, trust)


def translator_config(generator: ClassConfig, settings: Mapping[str, Any], direction: str) -> dict[str, Any]:
    """Arguments of :func:`.build_translator`."""
    source, target = direction.split("_to_")
    return {
        "network": dict(generator),
        "channels_in": settings.get(f"channels_{source}"),
        "channels_out": settings.get(f"channels_{target}"),
        "size": settings.get("size"),
    }


def select_weights(name: str, state: Mapping[str, Tensor], raw: bool, prefix: str) -> dict[str, Tensor]:
    """The weights of a generator: their moving average, or if ``raw`` or there is none, as the optimizer left them.

    Args:
        name: attribute name of the generator.
        state: the state dict of the checkpoint.
        raw: whether to use the weights as the optimizer left them.
        prefix: of the names of the result.
    """
    heads = [f"ema.{name}.", f"{name}."]
    found = [{f"{prefix}{key.removeprefix(h)}": v for key, v in state.items() if key.startswith(h)} for h in heads]
    return found[1] if raw or not found[0] else found[0]


def read_metadata(checkpoint: Contents, raw: bool = False) -> ModelMetadata:
    """Read the metadata of a checkpoint.

    Args:
        checkpoint: contents of the checkpoint.
        raw: whether the raw weights are used.

    Returns:
        The metadata; fields that the checkpoint does not record are missing.
    """
    averaged = any(key.startswith("ema.") for key in checkpoint["state_dict"])
    facts = {
        "variant": checkpoint.get("hyper_parameters", {}).get("_class_path"),
        "weights": "ema" if averaged and not raw else "raw",
        "step": checkpoint["global_step"],
        "epoch": checkpoint["epoch"] + 1,
        "seed": checkpoint.get("run_seed"),
        "data": checkpoint.get("data"),
        **{key: checkpoint.get(key) or None for key in DATA_FACTS},
        "versions": checkpoint.get("versions"),
        "scores": last_scores(checkpoint),
        "started_from": without_machine_paths(checkpoint.get("started_from")),
    }
    return cast("ModelMetadata", {key: value for key, value in facts.items() if value is not None})


def last_scores(checkpoint: Contents) -> list[dict[str, Any]]:
    """The last scores before the checkpoint was saved, with their stamps, one row per domain."""
    evaluation = checkpoint.get("callbacks", {}).get("Evaluation")
    last = evaluation.get("last") if isinstance(evaluation, Mapping) else None
    rows = last if isinstance(last, list) else [last]
    return [row.as_dict() for row in parse_complete_rows(rows)]
