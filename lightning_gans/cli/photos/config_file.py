"""The config with the chosen settings, ``photos-NAME.yaml`` in the current folder, which is the user's to change."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.cli.config_arguments import read_config
from lightning_gans.cli.photos.parts import Choice
from lightning_gans.core.files import atomic_file, expand_path, locked
from lightning_gans.core.shipped_configs import PHOTOS, config_folder

LINE = 120
"""Longest line."""

HEADER = """\
Settings for the pictures in {root}, which `lightning-gans fit photos` has chosen: they are yours to change.
  lightning-gans fit --config {file}
`lightning-gans fit photos --data.root {root}` uses them too, and chooses others only once this file is gone or renamed.
"""


def find_settings(root: str) -> Path | None:
    """The config in the current folder that was written for a set of pictures; None if there is none.

    Args:
        root: the folder or archive, as on the command line.
    """
    wanted = expand_path(root, "data.root").resolve()
    return next((path for path in candidates(root) if path.is_file() and pictures_of(path) == wanted), None)


def pictures_of(path: Path) -> Path | None:
    """The folder or archive whose pictures a config trains on; None if it does not say so."""
    root = written_value(path, "data.root")
    return expand_path(root, "data.root").resolve() if isinstance(root, str) else None


def written_value(path: Path, key: str) -> Any:
    """The value of a dotted key in a config; None if it has none."""
    node: Any = read_config(str(path))
    for part in key.split("."):
        if isinstance(node, Mapping):
            node = node.get("init_args", node)
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def candidates(root: str) -> Iterator[Path]:
    """The names of configs for a set of pictures, up to the first one that is free."""
    place = expand_path(root, "data.root").resolve()
    stem = re.sub(r"[^\w-]+", "-", place.name.partition(".")[0]).strip("-") or "pictures"
    number = 1
    while True:
        path = Path(f"{PHOTOS}-{stem}{'' if number == 1 else f'-{number}'}.yaml")
        yield path
        if not path.exists():
            return
        number += 1


def write_settings(root: str, choices: Sequence[Choice], given: Mapping[str, Any]) -> Path:
    """Write a config of the recipe and the chosen settings, unless another process has just written one.

    Args:
        root: the folder or archive, as on the command line.
        choices: the settings.
        given: values of the command line by dotted key; those of the data are written, too.

    Returns:
        The file.

    Raises:
        RunEnded: if it cannot be written.
    """
    with locked(Path()):
        if (there := find_settings(root)) is not None:
            return there
        *_, path = candidates(root)
        with atomic_file(path) as temporary:
            temporary.write_text(config_text(path.name, root, choices, given), encoding="utf-8")
        return path


def config_text(file: str, root: str, choices: Sequence[Choice], given: Mapping[str, Any]) -> str:
    """The content of the config."""
    header = HEADER.format(root=root, file=file).splitlines()
    reasons = [f"{choice.what}: {choice.value} ({choice.reason})" for choice in choices]
    lines = [line for text in header for line in wrapped(text, "")]
    lines += [line for text in reasons for line in wrapped(text, "  ")]
    recipe: dict[str, Any] = yaml.safe_load((config_folder() / f"{PHOTOS}.yaml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = {"data.root": root}
    settings |= {key: value for choice in choices for key, value in choice.settings.items()}
    settings |= {key: value for key, value in given.items() if key.startswith("data.")}
    for key, value in settings.items():
        place(recipe, key.split("."), value)
    comment = "".join(f"# {line}\n" for line in lines)
    return comment + yaml.dump(recipe, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=LINE)


class Dumper(yaml.SafeDumper):
    """Writes mappings over several lines, and lists, which are sizes and betas here, in one."""


Dumper.add_representer(list, lambda dumper, each: dumper.represent_sequence("tag:yaml.org,2002:seq", each, True))


def wrapped(text: str, indent: str) -> list[str]:
    """The lines of a comment; what begins with spaces stays one line."""
    if text.startswith(" "):
        return [text]
    return textwrap.wrap(text, LINE - 2, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def place(config: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Set a value in a config, where classes, such as ``data``, have their arguments in ``init_args``.

    Args:
        config: the config or a part of it, which is changed.
        parts: the parts of the key, as on the command line.
        value: the value.
    """
    first, *rest = parts
    if not rest:
        config[first] = value
        return
    below = config.get(first)
    if isinstance(below, str):
        below = {"class_path": below}
    config[first] = below = {} if below is None else below
    place(below.setdefault("init_args", {}) if {"class_path", "init_args"} & below.keys() else below, rest, value)
