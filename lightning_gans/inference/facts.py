"""What a checkpoint or an exported model records: nothing that the file names is built or imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lightning_gans.core.arguments import check_plain_tree
from lightning_gans.core.errors import InputError
from lightning_gans.inference.loading import MODEL_CLASSES, model_class, read_metadata
from lightning_gans.runs.checkpoint_file import read_checkpoint
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.json_lines import OnDamage, ignore_damage
from lightning_gans.runs.record import check_metadata
from lightning_gans.runs.scores import parse_complete_rows
from lightning_gans.runs.settings import flatten
from lightning_gans.runs.trained_weights import hash_weights, weights_prefix
from lightning_gans.runs.weights_file import CONFIG, SAFETENSORS, WEIGHTS, read_header, read_json, read_safetensors


def checkpoint_facts(path: Path, on_damage: OnDamage = ignore_damage) -> dict[str, Any]:
    """Read what a checkpoint, an exported folder or a ``.safetensors`` file records.

    Args:
        path: the file or folder.
        on_damage: is told of each damaged line of the run's scores, which is left out.

    Returns:
        ``file``; the fields of :class:`lightning_gans.runs.record.ModelMetadata`; ``sizes``, see
        :func:`tensor_sizes`; ``settings``, the model's arguments by dotted key; and of a checkpoint ``bytes``,
        ``train_seconds`` and ``images_seen``, which is None if it is not known.

    Raises:
        InputError: if the file cannot be read.
    """
    if path.is_dir() or path.suffix == SAFETENSORS:
        return exported_facts(path)
    checkpoint = read_checkpoint(path)
    parts: dict[str, dict[str, Tensor]] = {}
    weights = {key: value for key, value in checkpoint["state_dict"].items() if isinstance(value, Tensor)}
    for key, value in weights.items():
        network, _, name = key.removeprefix("ema.").partition(".")
        parts.setdefault(f"average of {network}" if key.startswith("ema.") else network, {})[name] = value
    metadata = read_metadata(checkpoint)
    # Scores measured after the checkpoint was saved, such as those of a test, are in the run's score file only.
    run = RunFolder.containing(path)
    if run is not None and run.scores.is_file():
        known = parse_complete_rows(metadata["scores"])
        rows = [row for row in run.read_scores(on_damage) if row.step == metadata["step"]]
        metadata["scores"] += [row.as_dict() for row in rows if row not in known]
    settings = {key: value for key, value in checkpoint.get("hyper_parameters", {}).items() if not key.startswith("_")}
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        **metadata,
        "train_seconds": checkpoint.get("train_seconds"),
        "images_seen": checkpoint.get("images_seen"),
        "sizes": tensor_sizes(parts),
        "settings": flatten(settings),
    }


def exported_facts(path: Path) -> dict[str, Any]:
    """What an exported folder or ``.safetensors`` file records.

    Raises:
        InputError: if a file cannot be read.
    """
    file = path / WEIGHTS if path.is_dir() else path
    config = read_header(file)
    if path.is_dir():
        config = read_json(path / CONFIG, f"path is {path}")
    try:
        check_plain_tree("the config", config)
        check_metadata(config.get("metadata"))
    except ValueError as error:
        raise InputError(f"path is {path}, which describes no model of lightning-gans ({error})") from error
    model_class(config, path)
    prefix = "" if path.is_dir() else weights_prefix(config)
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in read_safetensors(file, f"path is {path}").items():
        network, _, name = f"{prefix}{key}".removeprefix("networks.").partition(".")
        parts.setdefault(network, {})[name] = value
    settings = {key: value for key, value in config.items() if key in MODEL_CLASSES or key == "noise"}
    return {"file": str(path), **config["metadata"], "sizes": tensor_sizes(parts), "settings": flatten(settings)}


def tensor_sizes(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Any]]:
    """For each part, the ``numbers`` in its tensors, their ``bytes`` and their ``hash``, see :func:`.hash_weights`."""
    return {
        name: {
            "numbers": sum(tensor.numel() for tensor in part.values()),
            "bytes": sum(tensor.numel() * tensor.element_size() for tensor in part.values()),
            "hash": hash_weights(part),
        }
        for name, part in parts.items()
    }
