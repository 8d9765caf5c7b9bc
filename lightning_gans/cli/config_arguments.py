"""The configs among the arguments: ``fit dcgan/mnist``, ``--config dcgan/mnist``, and what follows from them.

Imports no torch: the arguments are checked before it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_gans.core.shipped_configs import config_folder, find_config

CONFIG_OPTIONS = ("--config", "-c")


def expand_configs(arguments: Sequence[str]) -> list[str]:
    """Arguments in which every config is a ``--config`` with the path of a file.

    ``["fit", "dcgan/mnist", "data/kmnist"]`` becomes ``["fit", "--trainer.logger.name=dcgan-mnist-kmnist", "--config",
    "…/dcgan/mnist.yaml", "--config", "…/data/kmnist.yaml"]``. A config that names its run, or a later argument, wins.

    Args:
        arguments: those of the command line, without the program's name.

    Raises:
        InputError: if a name is neither a file nor a shipped config.
    """
    command, rest = list(arguments[:1]), list(arguments[1:])
    if command and command[0].startswith("-"):
        command, rest = [], command + rest
    expanded: list[str] = []
    while command and rest and not rest[0].startswith("-"):
        expanded += ["--config", find_config(rest.pop(0))]
    for index, argument in enumerate(rest):
        option, equals, value = argument.partition("=")
        if option in CONFIG_OPTIONS and equals:
            expanded += ["--config", find_config(value)]
        elif argument not in CONFIG_OPTIONS and index and rest[index - 1] in CONFIG_OPTIONS:
            expanded += ["--config", find_config(argument)]
        elif argument not in CONFIG_OPTIONS or index == len(rest) - 1:
            expanded.append(argument)
    name = run_name(config_paths(expanded))
    return [*command, *([f"--trainer.logger.name={name}"] if command and name else []), *expanded]


def config_paths(expanded: Sequence[str]) -> list[str]:
    """Paths of the configs among arguments from :func:`expand_configs`, in their order."""
    return [path for option, path in pairwise(expanded) if option == "--config"]


def run_name(paths: Sequence[str]) -> str:
    """The name of a run that is given none: that of its first config, and of each data set's config beside it.

    ``dcgan/stacked_mnist`` gives ``dcgan-stacked-mnist``, with ``data/kmnist`` on top ``dcgan-stacked-mnist-kmnist``.
    A file that is not shipped gives its name without suffix; the configs in ``logger/`` give none.

    Args:
        paths: the configs, in their order.
    """
    recipes, data = [], []
    shipped = config_folder().resolve()
    for path in (Path(given).resolve() for given in paths):
        if not path.is_relative_to(shipped):
            recipes.append(path.stem)
            continue
        folder, *rest = path.relative_to(shipped).with_suffix("").as_posix().replace("_", "-").split("/")
        if folder == "data":
            data.append("-".join(rest))
        elif folder != "logger":
            recipes.append("-".join([folder, *rest]))
    return "-".join([*recipes[:1], *data])


class Source(NamedTuple):
    """What a config or an option sets.

    Attributes:
        config: path of the config; empty for an option.
        classes: the dotted keys that it sets, without ``init_args``, each with the value as a text where it may name a
            class; None for a mapping without ``class_path``.
    """

    config: str
    classes: dict[str, str | None]

    def mentions(self, key: str) -> bool:
        """Whether it sets a key, or one below it."""
        return any(f"{each}.".startswith(f"{key}.") for each in self.classes)

    def arguments(self, key: str) -> list[str]:
        """The names of the arguments that it gives to the class of a key."""
        below = [each.removeprefix(f"{key}.") for each in self.classes if each.startswith(f"{key}.")]
        return list(dict.fromkeys(name.partition(".")[0] for name in below if name != "class_path"))


def sources(expanded: Sequence[str]) -> list[Source]:
    """What each config and each option sets, in their order.

    Args:
        expanded: arguments from :func:`expand_configs`.
    """
    found = []
    for argument, following in pairwise([*expanded, ""]):
        option, equals, value = argument.partition("=")
        if not option.startswith("--"):
            continue
        text = value if equals else following
        if option == "--config":
            found.append(Source(text, dict(_keys_of(read_config(text), ""))))
            continue
        key = option.removeprefix("--").replace(".init_args", "")
        parsed = read_config(text) if text.endswith(".yaml") else _parse(text)
        found.append(Source("", {key: _class_of(parsed), **dict(_keys_of(parsed, key))}))
    return found


def given_keys(expanded: Sequence[str]) -> set[str]:
    """The dotted keys that configs and arguments set, without ``init_args``: ``model.generator.width``.

    Args:
        expanded: arguments from :func:`expand_configs`.
    """
    return {key for source in sources(expanded) for key in source.classes}


def typed_keys(arguments: Sequence[str]) -> set[str]:
    """The dotted keys that the options on a command line set themselves, without those of its configs."""
    options = [one for one, before in zip(arguments, ["", *arguments], strict=False) if before not in CONFIG_OPTIONS]
    return given_keys([option for option in options if option.partition("=")[0] not in CONFIG_OPTIONS])


def read_config(path: str) -> Any:
    """The content of a config; None if the file cannot be read, which the parser reports."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _parse(text: str) -> Any:
    """The value of an argument; None if it is no YAML, as is "[!a]"."""
    try:
        return yaml.safe_load(text or "null")
    except yaml.YAMLError:
        return None


def _keys_of(node: Any, key: str) -> Iterator[tuple[str, str | None]]:
    """The dotted keys below ``key`` in a config's node, without ``init_args``, and the class that each may name."""
    for name, value in node.items() if isinstance(node, Mapping) else ():
        below = key if name == "init_args" else ".".join(filter(None, (key, str(name))))
        if below != key:
            yield below, _class_of(value)
        yield from _keys_of(value, below)


def _class_of(value: Any) -> str | None:
    """The class that a value names if its key is that of a class; None if it has arguments only."""
    named = value.get("class_path") if isinstance(value, Mapping) else value
    return None if named is None and isinstance(value, Mapping) else str(named)
