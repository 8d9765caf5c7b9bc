"""What a resumed run may and may not change."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from typing import Any

from lightning_gans.core.errors import InputError

RUN_SEED = "run_seed"

CHECKPOINTED_SETTINGS = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d", RUN_SEED)
"""Settings whose effect lies in states that `fit` restores: a new value would be dropped without a word."""

_PLAIN = (bool, int, float, str, type(None))


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``settings`` that is plain data, which a checkpoint can hold and load safely."""
    return {key: _plain(value) for key, value in settings.items() if _is_plain(value)}


def drop_linked_arguments(
    model: type, settings: MutableMapping[str, Any], networks: Iterable[str], given_by_family: Collection[str]
) -> None:
    """Take out of a model's settings what it could not be built from again.

    Links from the data leave sizes and numbers beside every model's and every network's arguments, taken or not.

    Args:
        model: the class.
        settings: its arguments from the command line; networks are class paths with arguments.
        networks: names of the settings that are networks.
        given_by_family: arguments that the family, where it builds its networks itself, gives them.
    """
    lines = [inspect.signature(vars(base)["__init__"]) for base in model.__mro__ if "__init__" in vars(base)]
    taken = {name for line in lines for name in line.parameters}
    for name in [name for name in settings if name not in taken and not name.startswith("_")]:
        del settings[name]
    for name in networks:
        if isinstance(settings.get(name), Mapping):  # and not a function that makes the network
            settings[name] = accepted_arguments(settings[name], given_by_family)


def accepted_arguments(network: Mapping[str, Any], given_by_family: Collection[str]) -> dict[str, Any]:
    """A network's class path with the arguments that its class takes from a config."""
    module, _, name = str(network["class_path"]).rpartition(".")
    accepted = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    given = {key: value for key, value in network.get("init_args", {}).items() if key not in given_by_family}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        return {**network, "init_args": given}
    return {**network, "init_args": {key: value for key, value in given.items() if key in accepted}}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _flat(settings: Any, prefix: str) -> dict[str, Any]:
    if isinstance(settings, Mapping):
        return {k: v for key, value in settings.items() for k, v in _flat(value, f"{prefix}.{key}").items()}
    return {prefix: settings}


def refuse_changed_settings(keys: Iterable[str], now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """Compare the settings that a checkpoint restores with those asked for now.

    Args:
        keys: which settings to compare; what one side does not know is left out.
        now: settings of this run.
        then: settings stored in the checkpoint.

    Raises:
        InputError: naming the first key that differs, with both values.
    """
    for key in keys:
        if key not in now or key not in then:
            continue
        asked, stored = _flat(_plain(now[key]), key), _flat(_plain(then[key]), key)
        for name in sorted(asked.keys() | stored.keys()):
            if asked.get(name) != stored.get(name):
                shown = "seed_everything" if name == RUN_SEED else f"model.{name}"
                raise InputError(
                    f"{shown} is {asked.get(name)} here but {stored.get(name)} in the checkpoint, whose state is "
                    "loaded; give the checkpoint's value (the run's own config.yaml has it), or start a new run"
                )
