"""Changes to a parsed config: the defaults of classes that replace a variant's own, and ``~`` in paths."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from lightning_gans.components.class_paths import import_object
from lightning_gans.core.files import expand_home


def own_defaults(model: Namespace, keys: set[str]) -> list[str]:
    """Arguments that set the defaults of classes which replace a variant's default class.

    jsonargparse keeps the arguments of a class that is replaced where the new class has arguments of the same names.
    That is wanted for arguments that were given, but not for the defaults of a class that nobody named: without this,
    ``--model LSGAN --model.generator InfoGANGenerator`` would have the ``latent_dim`` of LSGAN's default generator.

    Args:
        model: the parsed ``model``, with ``class_path`` and ``init_args``.
        keys: the keys that were given, from :func:`given_keys`.
    """
    arguments = []
    for name, default in _parameter_defaults(model.class_path).items():
        chosen = model.init_args.get(name) if "init_args" in model else None
        if not isinstance(default, Mapping) or not isinstance(chosen, Namespace) or "class_path" not in chosen:
            continue
        if import_object(chosen.class_path) is import_object(default["class_path"]) or "init_args" not in chosen:
            continue
        for argument, value in _parameter_defaults(chosen.class_path).items():
            key = f"model.{name}.{argument}"
            if key not in keys and chosen.init_args.get(argument) != value:
                arguments.append(f"--{key}={json.dumps(value)}")
    return arguments


def _parameter_defaults(class_path: str) -> dict[str, Any]:
    """The defaults of a constructor's parameters, by name; without those that are required."""
    parameters = inspect.signature(import_object(class_path)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def expand_home_in(node: Any, key: str = "") -> Any:
    """Replace ``~`` at the start of every text and path in a config, which is changed in place.

    Args:
        node: a config, or a part of one.
        key: path of its key, for error messages.

    Returns:
        The node, or what replaces it.

    Raises:
        InputError: if the home folder is not known.
    """
    if isinstance(node, Namespace):
        for name, value in list(node.items()):
            node[name] = expand_home_in(value, f"{key}.{name}" if key else name)
    elif isinstance(node, dict):
        node.update({name: expand_home_in(value, f"{key}.{name}") for name, value in node.items()})
    elif isinstance(node, list):
        node[:] = [expand_home_in(value, f"{key}[{index}]") for index, value in enumerate(node)]
    elif isinstance(node, Path):
        return Path(expand_home(str(node), key.replace("init_args.", "")))
    elif isinstance(node, str):
        return expand_home(node, key.replace("init_args.", ""))
    return node
