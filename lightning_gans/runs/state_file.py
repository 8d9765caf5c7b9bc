"""Reads the weights of one network from a file that ``torch.save`` has written, of any program, as data.

PyTorch writes two formats: a zip archive, and before version 1.6 several pickles followed by the numbers. Both may come
from a stranger. No code of theirs runs, and what they need in memory is bounded by the size of the file, as in
:mod:`lightning_gans.runs.checkpoint_file`.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from lightning_gans.core.arguments import short_text
from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.runs.checkpoint_file import (
    ALLOWED_GLOBALS,
    check_archive,
    check_tensors,
    load_weights_only,
)

LARGEST_FILE = 4 * 2**30
"""Bytes of a file of weights."""

MOST_TENSORS = 10_000
"""Tensors in a file."""

LEGACY_PICKLES = 5
"""Pickles at the beginning of the older format: its magic number, its version, the machine, the contents, the keys."""

ZIP = b"PK\x03\x04"
"""The first bytes of a zip archive."""


def read_state(path: Path, key: str = "path") -> dict[str, Tensor]:
    """Read the state of a network, which is a mapping from names to tensors.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.

    Returns:
        The tensors on the CPU, by name.

    Raises:
        InputError: if the file does not exist, cannot be read, has code or other objects, or is no state of a network.
    """
    if not path.is_file():
        raise InputError(f"{key} is {path}, which does not exist; expected a file of weights such as latest_net_G.pth")
    try:
        size = path.stat().st_size
        check_file(path, size)
        contents = load_weights_only(path)
    except PermissionError as error:
        raise InputError(f"{key} is {path}, which cannot be read ({os_reason(error)})") from error
    except UnsafePickleError as error:
        raise InputError(
            f"{key} is {path}, which is not read, since {error}, which could run code; expected the state_dict of a "
            "generator, without other objects"
        ) from error
    except Exception as error:  # the error of a foreign file depends on its bytes
        raise InputError(
            f"{key} is {path}, which cannot be read ({type(error).__name__}: it is truncated, another kind of file, or "
            "has more than tensors); expected a complete file of weights that torch.save has written"
        ) from error
    try:
        return check_state(contents, size)
    except ValueError as error:
        raise InputError(f"{key} is {path}, {error}; expected the state_dict of a generator") from error


class UnsafePickleError(ValueError):
    """A pickle names more than tensors."""


def check_file(path: Path, size: int) -> None:
    """Check, without running anything, that reading a file is safe.

    Raises:
        UnsafePickleError: if a pickle in it names anything but what tensors need.
        ValueError: if it is too large, damaged, or of another format.
    """
    if size > LARGEST_FILE:
        raise ValueError(f"it has more than {LARGEST_FILE} bytes")
    with path.open("rb") as file:
        is_zip = file.read(len(ZIP)) == ZIP
        file.seek(0)
        if not is_zip:
            for _ in range(LEGACY_PICKLES):
                check_names(file)
            return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".pkl") and archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
                with archive.open(name) as pickled:
                    check_names(pickled)  # type: ignore[arg-type]
        check_archive(archive, size)
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"it is damaged in {damaged}")


def check_names(file: BinaryIO) -> None:
    """Check what the pickle at the position of a file names; the position is then behind it.

    Raises:
        UnsafePickleError: if it names anything but :data:`.ALLOWED_GLOBALS`.
        ValueError: if there is no pickle.
    """
    for operation, argument, _ in pickletools.genops(file):
        if operation.name in ("GLOBAL", "INST") and argument not in ALLOWED_GLOBALS:
            raise UnsafePickleError(f"it names {short_text(str(argument).replace(' ', '.'))}")
        if operation.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            raise UnsafePickleError(f"it has the operation {operation.name}")


def check_state(contents: object, size: int) -> dict[str, Tensor]:
    """Check that the contents of a file are tensors by name, and return them.

    Args:
        contents: of the file.
        size: bytes of the file.

    Raises:
        ValueError: if they are something else.
    """
    if not isinstance(contents, Mapping):
        raise ValueError(f"which has a {type(contents).__name__}")
    if not contents:
        raise ValueError("which has no tensors")
    if len(contents) > MOST_TENSORS:
        raise ValueError(f"which has more than {MOST_TENSORS} entries")
    for name, value in contents.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(f"which has {short_text(value)} as {short_text(name)} where a tensor is expected")
    try:
        check_tensors(dict(contents), size)
    except ValueError as error:
        raise ValueError(f"whose {error}") from error
    for name, value in contents.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(f"whose weights are not finite (NaN or infinity in {short_text(name)})")
    return dict(contents)
