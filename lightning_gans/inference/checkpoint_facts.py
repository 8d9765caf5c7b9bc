"""Facts about a checkpoint or an exported model, as plain data; no network of a checkpoint is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lightning_gans.inference.loading import SAFETENSORS, load_exported, read_metadata
from lightning_gans.runs.checkpoint_file import read_checkpoint
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.settings import flatten


def checkpoint_facts(path: Path) -> dict[str, Any]:
    """Read what a checkpoint, an exported folder or a ``.safetensors`` file records.

    Returns:
        ``file``; the fields of :class:`lightning_gans.runs.record.ModelMetadata`; ``sizes``, see
        :func:`tensor_sizes`; ``settings``, the model's arguments by dotted key; and of a checkpoint ``bytes`` and
        ``train_seconds``.

    Raises:
        InputError: if the file cannot be read.
    """
    if path.is_dir() or path.suffix == SAFETENSORS:
        model = load_exported(path, raw=False)
        parts = {name: part.state_dict() for name, part in model.named_children()}
        return {"file": str(path), **model.metadata, "sizes": tensor_sizes(parts), "settings": {}}
    checkpoint = read_checkpoint(path)
    parts = {}
    for key, value in checkpoint["state_dict"].items():
        head, _, rest = key.partition(".")
        name = f"average of {rest.partition('.')[0]}" if head == "ema" else head
        parts.setdefault(name, {})[key] = value
    metadata = read_metadata(checkpoint)
    # Scores measured after the checkpoint was saved, such as those of a test, are in the run's score file only.
    run = RunFolder.containing(path)
    if run is not None and run.scores.is_file():
        rows = [row.as_dict() for row in run.read_scores() if row.step == metadata["step"]]
        metadata["scores"] += [row for row in rows if row not in metadata["scores"]]
    settings = {key: value for key, value in checkpoint.get("hyper_parameters", {}).items() if key[0] != "_"}
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        **metadata,
        "train_seconds": checkpoint.get("train_seconds"),
        "sizes": tensor_sizes(parts),
        "settings": flatten(settings),
    }


def tensor_sizes(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, int]]:
    """For each part, the ``numbers`` in its tensors and their ``bytes``."""
    return {
        name: {
            "numbers": sum(tensor.numel() for tensor in part.values()),
            "bytes": sum(tensor.numel() * tensor.element_size() for tensor in part.values()),
        }
        for name, part in parts.items()
    }
