"""Changes to a parsed config: ``~`` in paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from lightning_gans.core.files import expand_home


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
