"""Weights in safetensors files, which cannot contain code, and the files of an exported model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from lightning_gans.core.errors import InputError, short_reason

SAFETENSORS = ".safetensors"
"""Suffix of an exported generator's file."""

WEIGHTS = "model.safetensors"
"""The hub's name for the file of a model's weights."""

CONFIG = "config.json"
"""The hub's name for the file from which a model is built."""


def to_safetensors(weights: Mapping[str, Tensor], header: Mapping[str, Any], half: bool = False) -> bytes:
    """Serialize weights.

    Args:
        weights: tensors by name; tensors that share memory are written separately.
        header: plain data; each value is written as JSON.
        half: whether floating-point numbers are written as float16.

    Returns:
        The contents of the file.
    """
    # The caller writes the file, since safetensors does not raise OSError on a full disk.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in weights.items()}
    if half:
        tensors = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    return save(tensors, {"format": "pt", **{key: json.dumps(value) for key, value in header.items()}})


def read_header(path: Path, key: str = "path") -> dict[str, Any]:
    """Read the header of a safetensors file, without its weights.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.

    Returns:
        What :func:`to_safetensors` wrote as ``header``, without values that are not JSON.

    Raises:
        InputError: if the file is not a safetensors file.
    """
    try:
        require_file(path)
        with safe_open(path, framework="pt") as file:
            written: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{key} is {path}, which cannot be read as safetensors ({error}); expected a complete file"
        ) from error
    header = {}
    for key, value in written.items():
        try:
            header[key] = json.loads(value)
        except (ValueError, RecursionError):
            continue
    return header


def read_safetensors(path: Path, where: str) -> dict[str, Tensor]:
    """Read the weights in a safetensors file.

    Args:
        path: the file.
        where: the subject of the error message, such as "path is model.safetensors".

    Raises:
        InputError: if the file is not a safetensors file.
    """
    try:
        require_file(path)
        weights: dict[str, Tensor] = load_file(path)
    except (SafetensorError, RuntimeError, OSError, KeyError, ValueError) as error:
        reason = short_reason(error)
        raise InputError(f"{where}, whose {path.name} cannot be read as safetensors ({reason})") from error
    return weights


def require_file(path: Path) -> None:
    """Check that a path is one of a regular file; a device or a pipe may have no end.

    Raises:
        FileNotFoundError: if not.
    """
    if not path.is_file():
        raise FileNotFoundError("it is no regular file")


LARGEST_JSON = 16_000_000
"""Bytes of a ``config.json``."""


def read_json(path: Path, where: str) -> dict[str, Any]:
    """Read a ``config.json``.

    Args:
        path: the file.
        where: the subject of the error message, such as "path is FOLDER".

    Raises:
        InputError: if it cannot be read, or is not a JSON object.
    """
    try:
        require_file(path)
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"it has more than {LARGEST_JSON} bytes")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"it is a {type(config).__name__}; expected an object")
    except RecursionError:
        raise InputError(f"{where}, whose {path.name} cannot be read (it is nested too deeply)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{where}, whose {path.name} cannot be read ({error})") from error
    return config
