"""A checkpoint file as it lies on disk: read safely, and refused by name where it cannot be used."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lightning_gans.core.errors import InputError, os_reason

OURS = ("state_dict", "global_step", "epoch", "loops")
"""What a checkpoint of a training run has."""

Contents = dict[str, Any]


def load_weights_only(path: Path) -> Contents:
    """What a file holds, in the CPU's memory; a file that carries code is refused by torch."""
    contents: Contents = torch.load(path, map_location="cpu", weights_only=True)
    return contents


def read_checkpoint(path: Path, key: str = "CKPT", load: Callable[[Path], Contents] = load_weights_only) -> Contents:
    """Read a checkpoint of a training run.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.
        load: reads it.

    Raises:
        InputError: if the file does not exist or does not hold a whole checkpoint of a run.
    """
    if not path.is_file():
        raise InputError(f"{key} is {path}, which does not exist; expected a checkpoint file")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not look at the sums that it writes
        checkpoint = load(path)
    except PermissionError as error:
        raise InputError(f"{key} is {path}, which cannot be read ({os_reason(error)})") from error
    except Exception as error:  # what a foreign file raises depends on its bytes
        raise InputError(
            f"{key} is {path}, which cannot be read as a checkpoint ({type(error).__name__}: it is truncated, "
            "another kind of file, or carries code); give a whole one"
        ) from error
    if damaged is not None:
        raise InputError(f"{key} is {path}, which is damaged in {damaged}; give a whole one")
    missing = [name for name in OURS if not isinstance(checkpoint, dict) or name not in checkpoint]
    if missing:
        raise InputError(
            f"{key} is {path}, which has no {missing[0]}; expected a checkpoint that a run of "
            "lightning-gans has written"
        )
    return checkpoint
