"""Class paths in files from elsewhere: a checkpoint or a ``config.json`` may name parts of a model, and no other code.

Where a callable is expected, as for a translator, the command line's parser would call any function with the
``init_args`` to find its return type, ``os.system`` too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.core.arguments import StoresArguments

PARTS: tuple[type, ...] = (nn.Module, StoresArguments, Optimizer, LRScheduler)
"""Base classes of what the arguments of a model may be."""


def find_class(path: str) -> type:
    """Import a class.

    Raises:
        ImportError: if its module cannot be imported.
        TypeError: if it is not a class.
    """
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name, None) if module else None
    if not isinstance(found, type):
        raise TypeError(f"{path} is not a class")
    return found


def check_class_paths(config: Any, outer: tuple[type, ...] = PARTS, inner: tuple[type, ...] = PARTS) -> None:
    """Check that all class paths in a config are of parts of a model.

    Args:
        config: plain data.
        outer: allowed base classes of the outermost class paths.
        inner: allowed base classes of the class paths in their arguments.

    Raises:
        ImportError: if a module cannot be imported.
        TypeError: if a class is not a subclass of an allowed one.
    """
    for path, allowed in _class_paths(config, outer, inner):
        try:
            suitable = issubclass(find_class(str(path)), allowed)
        except TypeError:
            suitable = False
        if not suitable:
            raise TypeError(f"{path} is not a {' or '.join(kind.__name__ for kind in allowed)}")


def _class_paths(
    node: Any, allowed: tuple[type, ...], inner: tuple[type, ...]
) -> Iterator[tuple[Any, tuple[type, ...]]]:
    """All class paths in a config, each with its allowed base classes."""
    below = allowed
    if isinstance(node, Mapping) and "class_path" in node:
        yield node["class_path"], allowed
        below = inner
    values = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    for value in values:
        yield from _class_paths(value, below, inner)
