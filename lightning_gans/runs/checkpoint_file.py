"""Reads checkpoint files safely, with messages that name a file that cannot be used."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lightning_gans.core.errors import InputError, os_reason

REQUIRED_KEYS = ("state_dict", "global_step", "epoch", "loops")
"""Keys of every checkpoint that a training run writes."""

Contents = dict[str, Any]


def load_weights_only(path: Path) -> Contents:
    """The contents of a file, on the CPU.

    Raises:
        Exception: of various types, if the file is damaged or contains more than tensors and plain data.
    """
    contents: Contents = torch.load(path, map_location="cpu", weights_only=True)
    return contents


def read_checkpoint(path: Path, key: str = "path", load: Callable[[Path], Contents] = load_weights_only) -> Contents:
    """Read a checkpoint of a training run.

    Args:
        path: the file.
        key: the setting or argument that names the file, for messages.
        load: reads the contents.

    Raises:
        InputError: if the file does not exist or is not a complete checkpoint of a run.
    """
    if not path.is_file():
        raise InputError(f"{key} is {path}, which does not exist; expected a checkpoint file")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch does not check the checksums that it writes
        checkpoint = load(path)
    except PermissionError as error:
        raise InputError(f"{key} is {path}, which cannot be read ({os_reason(error)})") from error
    except Exception as error:  # the error of a foreign file depends on its bytes
        raise InputError(
            f"{key} is {path}, which cannot be read as a checkpoint ({type(error).__name__}: it is truncated, "
            "another kind of file, or contains code); give a complete one"
        ) from error
    if damaged is not None:
        raise InputError(f"{key} is {path}, which is damaged in {damaged}; give a complete one")
    missing = [name for name in REQUIRED_KEYS if not isinstance(checkpoint, dict) or name not in checkpoint]
    if missing:
        raise InputError(
            f"{key} is {path}, which has no {missing[0]}; expected a checkpoint of a run of lightning-gans"
        )
    return checkpoint
