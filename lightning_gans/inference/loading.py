"""From a checkpoint, a run's folder or an exported folder to a model that is ready for use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.inference.construct import ClassConfig
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.inference.model import WEIGHTS, PretrainedModel
from lightning_gans.inference.weights_file import load_safetensors, read_header
from lightning_gans.networks.base import Generator, Translator
from lightning_gans.runs.checkpoint_file import Contents, read_checkpoint
from lightning_gans.runs.folder import best_or_last_checkpoint

CONFIG = "config.json"
"""What an exported folder has, beside ``model.safetensors``."""

SAFETENSORS = ".safetensors"
"""How the name of an exported generator ends."""

DEFAULT_NOISE = {"class_path": "lightning_gans.components.noise.NormalNoise"}
"""What models take where they are not told otherwise."""

MODEL_CLASSES: dict[str, type[PretrainedModel]] = {"generator": LatentSampler, "generators": ImageTranslator}
"""The class of an exported folder, by an argument that it alone has."""


def load(path: str | Path, *, raw: bool = False, device: str | torch.device = "cpu") -> PretrainedModel:
    """A trained model, ready for use.

    Args:
        path: a checkpoint; a run's folder, whose best checkpoint is taken, else the last; a folder that
            ``save_pretrained`` has left; or a ``.safetensors`` file that ``export`` has left.
        raw: of a checkpoint, take the weights as the optimizer left them in place of their moving average.
        device: where it shall work.

    Returns:
        A :class:`.LatentSampler` with ``sample`` and ``interpolate``, or an :class:`.ImageTranslator` with
        ``translate``.

    Raises:
        InputError: if there is no such file, it holds no model, or a class that it names cannot be built here.
    """
    place = find_checkpoint(Path(path))
    if place.is_dir() or place.suffix == SAFETENSORS:
        model = load_exported(place, raw)
    else:
        model = from_checkpoint(read_checkpoint(place), place, raw)
    return model.to(check_device(device))


def find_checkpoint(path: Path) -> Path:
    """The checkpoint that is meant, or an exported folder.

    Raises:
        InputError: if there is none.
    """
    if not path.is_dir() or (path / CONFIG).is_file():
        return path
    if checkpoint := best_or_last_checkpoint(path):
        return checkpoint
    raise InputError(
        f"CKPT is {path}, which holds no checkpoint; expected a checkpoint, a run's folder or an exported one"
    )


def check_device(device: str | torch.device) -> torch.device:
    """The device, if there is one of that name.

    Raises:
        InputError: if there is not.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"device is {device}, which cannot be used here ({reason})") from error
    return torch.device(device)


def load_exported(place: Path, raw: bool) -> PretrainedModel:
    """The model in a folder that ``save_pretrained`` has left, or in a generator's file.

    Raises:
        InputError: if it is damaged or foreign, or raw weights are asked for: it holds one kind.
    """
    model = load_folder(place) if place.is_dir() else load_generator_file(place)
    if raw and model.weights_kind != "raw":
        raise InputError(f"raw weights are asked for, but {place} holds {model.weights_kind} weights alone")
    return model


def load_folder(folder: Path) -> PretrainedModel:
    """The model in a folder that ``save_pretrained`` has left.

    Raises:
        InputError: if it is damaged or foreign.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"CKPT is {folder}, whose {CONFIG} cannot be read ({error})") from error
    kind = model_class(config, folder)
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"CKPT is {folder}, which has no {WEIGHTS}; expected what save_pretrained has left")
    model: PretrainedModel = kind.from_pretrained(folder)
    return model


def load_generator_file(path: Path) -> PretrainedModel:
    """The model in a file of one generator's weights, which ``export --format safetensors`` has left.

    Raises:
        InputError: if it is damaged or foreign.
    """
    if not path.is_file():
        raise InputError(f"CKPT is {path}, which does not exist; expected a checkpoint file")
    header = read_header(path)
    kind = model_class(header, path)
    model = kind.from_config(header, str(path))
    load_safetensors(path, select_network(model))
    return model.frozen_eval()


def select_network(model: PretrainedModel, direction: str | None = None) -> Generator | Translator:
    """The network of a model, or that of one of its directions.

    Raises:
        InputError: if the model cannot go there.
    """
    if isinstance(model, ImageTranslator):
        return model.network(direction)
    assert isinstance(model, LatentSampler)
    if direction is not None:
        raise InputError(f"direction is {direction}; this model makes images from noise, and knows none")
    return model.network


def model_class(config: Any, place: Path) -> type[PretrainedModel]:
    """The class that a description is of.

    Raises:
        InputError: if it is of none.
    """
    for argument, kind in MODEL_CLASSES.items():
        if isinstance(config, Mapping) and argument in config:
            return kind
    raise InputError(
        f"CKPT is {place}, which describes no model of lightning-gans; expected what `lightning-gans export` has left"
    )


def from_checkpoint(checkpoint: Contents, path: Path, raw: bool = False) -> PretrainedModel:
    """The model in a checkpoint's contents.

    Args:
        checkpoint: what a run has saved.
        path: where, for messages and for the scores beside it.
        raw: see :func:`load`.

    Raises:
        InputError: if it does not say what its networks are, or its weights do not fit them.
    """
    settings = checkpoint.get("hyper_parameters", {})
    described = settings.get("generator")
    if not isinstance(described, Mapping) or "class_path" not in described:
        raise InputError(
            f"CKPT is {path}, which does not say what its generator is, as a script gave the network as an object; "
            "expected the checkpoint of a run from the command line"
        )
    state = checkpoint["state_dict"]
    known = read_metadata(checkpoint, raw)
    if "channels_a" not in settings:
        sampler = LatentSampler(described, settings.get("noise") or DEFAULT_NOISE, known)
        load_weights(sampler.network, select_weights("generator", state, raw), path)
        return sampler.frozen_eval()
    names = generator_names(settings, state)
    translator = ImageTranslator({way: translator_config(described, settings, way) for way in names}, known)
    for way, name in names.items():
        load_weights(translator.network(way), select_weights(name, state, raw), path)
    return translator.frozen_eval()


def generator_names(settings: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of a translation's generators by direction, "a_to_b" first where there are two."""
    both = {way: way for way in ("a_to_b", "b_to_a") if any(key.startswith(f"{way}.") for key in state)}
    return both or {"b_to_a" if settings.get("direction") == "b_to_a" else "a_to_b": "generator"}


def translator_config(described: ClassConfig, settings: Mapping[str, Any], way: str) -> dict[str, Any]:
    """What a translator is built from."""
    source, target = way.split("_to_")
    return {
        "network": dict(described),
        "channels_in": settings[f"channels_{source}"],
        "channels_out": settings[f"channels_{target}"],
        "size": settings["size"],
    }


def select_weights(name: str, state: Mapping[str, Tensor], raw: bool) -> dict[str, Tensor]:
    """The weights of a generator: their average where there is one, or as the optimizer left them."""
    prefixes = [f"ema.{name}.", f"{name}."]
    found = [{key.removeprefix(p): value for key, value in state.items() if key.startswith(p)} for p in prefixes]
    return found[1] if raw or not found[0] else found[0]


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load weights.

    Raises:
        InputError: if they are not those of this network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"CKPT is {path}, whose weights do not fit its {type(network).__name__} ({reason})") from error


def read_metadata(checkpoint: Contents, raw: bool = False) -> ModelMetadata:
    """What a checkpoint knows of itself, as plain data.

    Returns:
        ``variant`` (class path), ``weights`` ("ema" or "raw"), ``step``, ``epoch`` (epochs begun), ``seed``, ``data``
        (class path), ``versions`` it was saved with, and ``scores``: rows with ``scores`` and their ``stamp``. What a
        checkpoint does not know is left out.
    """
    averaged = any(key.startswith("ema.") for key in checkpoint["state_dict"])
    facts = {
        "variant": checkpoint.get("hyper_parameters", {}).get("_class_path"),
        "weights": "ema" if averaged and not raw else "raw",
        "step": checkpoint["global_step"],
        "epoch": checkpoint["epoch"] + 1,
        "seed": checkpoint.get("run_seed"),
        "data": checkpoint.get("data"),
        "versions": checkpoint.get("versions"),
        "scores": last_scores(checkpoint),
    }
    return cast("ModelMetadata", {key: value for key, value in facts.items() if value is not None})


def last_scores(checkpoint: Contents) -> list[dict[str, Any]]:
    """The last scores before a checkpoint was saved, with their stamps, a row for each domain."""
    last = checkpoint.get("callbacks", {}).get("Evaluation", {}).get("last")
    rows = last if isinstance(last, list) else [last]
    return [row for row in rows if row]
