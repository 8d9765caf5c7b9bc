"""What configs and arguments may have beside YAML of today: old paths of our data modules, and Python's None for null.

``datamodules.MNISTDataModule``, as a config of the time has it when ``datamodules`` was a package of its own, is now
``lightning_gans.datamodules.MNISTDataModule``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from lightning_gans.components.class_paths import import_object
from lightning_gans.core.arguments import is_class_path

YAML = "yaml with moved classes"
"""jsonargparse's mode of a parser whose configs and values may have old paths, and None."""

NONE = "None"
"""What Python calls null; YAML reads it as a text."""


def moved_class(path: str) -> str:
    """The present path of a data module of ours that is given by its old path.

    A class of the user's own package ``datamodules`` has precedence: its path remains itself, as does any other.
    """
    if not (path.startswith("datamodules.") and is_class_path(path) and _can_be_imported(f"lightning_gans.{path}")):
        return path
    found, ours = find_spec("datamodules"), find_spec("lightning_gans.datamodules")
    # Where the root of the repository is on Python's path, as in its tests, the folder of that name is ours.
    theirs = found and not (found.origin and ours and ours.origin and Path(found.origin).samefile(ours.origin))
    return path if theirs and _can_be_imported(path) else f"lightning_gans.{path}"


def _can_be_imported(path: str) -> bool:
    """Whether there is a class of a path; an error in its module is left to the parser, which reports it."""
    try:
        import_object(path)
    except ImportError as error:
        return error.name is not None and not f"{path}.".startswith(f"{error.name}.")
    return True


def moved_argument(argument: str) -> str:
    """An argument, ``VALUE`` or ``--KEY=VALUE``, whose value may be a path for :func:`moved_class`."""
    key, equals, value = argument.rpartition("=")
    return f"{key}{equals}{moved_class(value)}"


def with_null(node: Any) -> Any:
    """A config's content, changed in place: :data:`NONE` is null."""
    if isinstance(node, dict):
        node.update({key: with_null(value) for key, value in node.items()})
    elif isinstance(node, list):
        node[:] = [with_null(value) for value in node]
    return None if node == NONE else node


def with_moved_classes(node: Any) -> Any:
    """A config's content, changed in place: the class of the data is what :func:`moved_class` returns."""
    if isinstance(node, dict):
        for key, value in node.items():
            is_class = key in ("data", "class_path") and isinstance(value, str)
            node[key] = moved_class(value) if is_class else with_moved_classes(value)
    return node


set_loader(YAML, lambda text: with_moved_classes(with_null(get_loader("yaml")(text))), (yaml.YAMLError,))
