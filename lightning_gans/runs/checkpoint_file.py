"""Reads checkpoint files safely, with messages that name a file that cannot be used.

A checkpoint may come from a stranger. It is a zip archive of a pickle and of the numbers of its tensors. PyTorch's
``weights_only`` runs no code of the pickle, but builds objects of any size: :func:`check_archive` refuses what would
need more memory than the file has bytes, and :func:`check_fields` what has other types than a run writes.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.core.arguments import check_plain_tree, short_text
from lightning_gans.core.errors import InputError, os_reason

REQUIRED_KEYS = ("state_dict", "global_step", "epoch", "loops")
"""Keys of every checkpoint that a training run writes."""

NOT_STORED = "arguments_not_stored"
"""The key of a checkpoint with the names of arguments that could not be stored, each with the reason."""

FIELDS: dict[str, tuple[type, ...]] = {
    "state_dict": (Mapping,),
    "global_step": (int,),
    "epoch": (int,),
    "loops": (Mapping,),
    "hyper_parameters": (Mapping,),
    "callbacks": (Mapping,),
    "optimizer_states": (list,),
    "lr_schedulers": (list,),
    "accumulated_gradients": (Mapping,),
    "loss_scaling": (Mapping,),
    NOT_STORED: (Mapping,),
    "versions": (Mapping,),
    "palettes": (Mapping,),
    "run_seed": (int,),
    "train_seconds": (int, float),
    "images_seen": (int,),
    "data": (str,),
    "data_name": (str,),
    "contents": (str,),
    "classes": (list,),
    "domains": (Mapping,),
    "borders": (list,),
    "started_from": (Mapping,),
    "frozen_layers": (Mapping,),
}
"""Types of the fields of a checkpoint; some are written by :class:`lightning_gans.families.Adversarial`."""

DESCRIPTIONS = (
    "hyper_parameters",
    NOT_STORED,
    "versions",
    "palettes",
    "classes",
    "domains",
    "borders",
    "started_from",
    "frozen_layers",
)
"""Fields that are plain data."""

COUNTS = ("global_step", "epoch", "run_seed", "train_seconds", "images_seen")
"""Fields that are numbers."""

LARGEST_COUNT = 2**64
"""Bound of numbers."""

MOST_SHARES = 4
"""Tensors that may share the same numbers, on average."""

ALLOWED_GLOBALS = frozenset(
    {
        "collections OrderedDict",
        "collections Counter",
        "torch Size",
        "torch device",
        "torch.nn.parameter Parameter",
        "torch._utils _rebuild_tensor",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "_codecs encode",
        "__builtin__ set",
        "builtins set",
        *(f"torch {kind}Storage" for kind in ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char")),
        *(f"torch {kind}Storage" for kind in ("Byte", "Bool", "ComplexFloat", "ComplexDouble")),
        *(f"torch {kind}" for kind in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool")),
        *(f"torch {kind}" for kind in ("uint8", "int8", "int16", "int32", "int64")),
    }
)
"""What the pickle of a checkpoint may name. PyTorch allows more, such as ``bytearray``, which takes any size."""

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
            check_archive(archive, path.stat().st_size)
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
    try:
        check_fields(checkpoint, path.stat().st_size)
    except ValueError as error:
        raise InputError(f"{key} is {path}, whose {error}") from error
    return checkpoint


def check_archive(archive: zipfile.ZipFile, size: int) -> None:
    """Check that reading an archive needs no more memory than the file has bytes, and calls what torch writes only.

    Args:
        archive: the archive.
        size: bytes of its file.

    Raises:
        ValueError: if not.
    """
    files = archive.infolist()
    if any(file.compress_type != zipfile.ZIP_STORED for file in files) or sum(file.file_size for file in files) > size:
        raise ValueError("the archive is compressed, or its files overlap")
    for file in files:
        if file.filename.endswith(".pkl"):
            check_pickle(archive.read(file))


def check_pickle(contents: bytes) -> None:
    """Check what a pickle names, without running it.

    Raises:
        ValueError: if it names anything but :data:`ALLOWED_GLOBALS`.
    """
    for operation, argument, _ in pickletools.genops(contents):
        if operation.name in ("GLOBAL", "INST") and argument not in ALLOWED_GLOBALS:
            raise ValueError(f"the pickle names {argument}")
        if operation.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            raise ValueError(f"the pickle has the operation {operation.name}")


def check_fields(checkpoint: Contents, size: int) -> None:
    """Check the types of a checkpoint's fields, and the memory of its weights.

    Args:
        checkpoint: the contents, with all :data:`REQUIRED_KEYS`.
        size: bytes of its file.

    Raises:
        ValueError: if a field has another type.
    """
    for name, kinds in FIELDS.items():
        value = checkpoint.get(name)
        if name in checkpoint and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise ValueError(f"{name} is {short_text(value)}; expected {article(kinds[0].__name__)}")
    for name in COUNTS:
        if name in checkpoint and not abs(checkpoint[name]) < LARGEST_COUNT:
            raise ValueError(f"{name} is {short_text(checkpoint[name])}; expected less than {LARGEST_COUNT}")
    for name in ("global_step", "epoch"):
        if checkpoint[name] < 0:
            raise ValueError(f"{name} is {checkpoint[name]}; expected at least 0")
    for name in DESCRIPTIONS:
        check_plain_tree(name, checkpoint.get(name, {}))
        if not all(isinstance(key, str) for key in checkpoint.get(name, {})):
            raise ValueError(f"{name} has a key that is no text")
    check_weights(checkpoint["state_dict"])
    check_tensors(checkpoint, size)


def article(name: str) -> str:
    """The name of a type with its article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name.lower()}"


def check_weights(state: Mapping[Any, Any]) -> None:
    """Check that a state dict has tensors by name.

    Raises:
        ValueError: if not.
    """
    for name, value in state.items():
        if not isinstance(name, str):
            raise ValueError(f"state_dict has the key {short_text(name)}; expected texts")
        if not isinstance(value, Tensor) and not name.endswith("_extra_state"):  # of modules with `get_extra_state`
            raise ValueError(f"state_dict has {short_text(value)} as {short_text(name)}; expected a tensor")


def check_tensors(checkpoint: Contents, size: int) -> None:
    """Check that all tensors are ordinary ones, and need no more memory than the file.

    A tensor of any shape may repeat one number, and many may share their numbers.

    Args:
        checkpoint: the contents.
        size: bytes of its file.

    Raises:
        ValueError: if not.
    """
    stack, seen, total = [("", checkpoint)], set[int](), 0
    while stack:
        name, node = stack.pop()
        if isinstance(node, Tensor):
            if type(node) not in (Tensor, nn.Parameter) or node.layout != torch.strided or node.device.type != "cpu":
                raise ValueError(f"{name} has a tensor that is not an ordinary one on the CPU")
            needed = node.numel() * node.element_size()
            total += needed
            if needed > node.untyped_storage().nbytes() or total > MOST_SHARES * size:
                raise ValueError(f"{name} has a tensor of {needed} bytes, more than the file has for it")
        if not isinstance(node, Mapping | list | tuple) or id(node) in seen:
            continue
        seen.add(id(node))
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        stack += [(name or short_text(key).strip("'"), value) for key, value in items]
