"""Weights as safetensors: nothing in such a file can be run."""

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
    """A file's bytes.

    Args:
        weights: by name; tensors may share memory, and each is written in full.
        header: plain data, of which each value is written as JSON.
    """
    # The file is written by its caller: safetensors itself would report a full disk as an error of its own kind.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in weights.items()}
    return save(tensors, {"format": "pt", **{key: json.dumps(value) for key, value in header.items()}})


def read_header(path: Path) -> dict[str, Any]:
    """The header that :func:`to_safetensors` has written; values that are no JSON are left out.

    Raises:
        InputError: if this is no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            written: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"CKPT is {path}, which cannot be read as safetensors ({error}); give a whole one") from error
    header = {}
    for key, value in written.items():
        try:
            header[key] = json.loads(value)
        except ValueError:
            continue
    return header


def load_safetensors(path: Path, network: nn.Module, strict: bool = True) -> None:
    """Load the weights in a file.

    Raises:
        InputError: if it is no such file, or its weights are not those of this network.
    """
    try:
        network.load_state_dict(load_file(path), strict=strict)
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} does not hold the weights that its description asks for ({reason})") from error
