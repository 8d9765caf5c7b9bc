"""Weights in safetensors files, which cannot contain code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from lightning_gans.core.errors import InputError


def to_safetensors(weights: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """Serialize weights.

    Args:
        weights: tensors by name; tensors that share memory are written separately.
        header: plain data; each value is written as JSON.

    Returns:
        The contents of the file.
    """
    # The caller writes the file, since safetensors does not raise OSError on a full disk.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in weights.items()}
    return save(tensors, {"format": "pt", **{key: json.dumps(value) for key, value in header.items()}})


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a file written with :func:`to_safetensors`; values that are not JSON are ignored.

    Raises:
        InputError: if the file is not a safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            written: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"path is {path}, which cannot be read as safetensors ({error}); expected a complete file"
        ) from error
    header = {}
    for key, value in written.items():
        try:
            header[key] = json.loads(value)
        except ValueError:
            continue
    return header


def load_safetensors(path: Path, network: nn.Module, strict: bool = True) -> None:
    """Load the weights in a safetensors file into a network.

    Args:
        path: the file.
        network: a network on any device.
        strict: whether missing and unexpected weights are an error.

    Raises:
        InputError: if the file is not a safetensors file, or its weights do not fit the network.
    """
    try:
        network.load_state_dict(load_file(path), strict=strict)
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"the weights in {path} do not fit the network that its config describes ({reason})"
        ) from error
