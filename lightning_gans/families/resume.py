"""Which hyperparameters a checkpoint stores, and which ones a resumed run must not change."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from typing import Any

from lightning_gans.components.class_paths import import_object
from lightning_gans.core.arguments import PLAIN
from lightning_gans.core.errors import InputError

RUN_SEED = "run_seed"

FROZEN_PARTS = ("freeze_d", "freeze_g_steps")
"""Settings of layers that are not trained, which are 0 in checkpoints without them."""

CHECKPOINTED_SETTINGS = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d", *FROZEN_PARTS, RUN_SEED)
"""Settings that the state restored by `fit` overrides or has to fit: a new value would have no effect, or fail."""


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``settings`` that are plain data, which PyTorch loads from a checkpoint with ``weights_only``."""
    return {key: _plain(value) for key, value in settings.items() if is_plain(value)}


def drop_linked_arguments(
    model: type, settings: MutableMapping[str, Any], networks: Iterable[str], given_by_family: Collection[str]
) -> None:
    """Remove from a model's settings, in place, those that its classes do not accept.

    The command line adds values from the data, such as the image size, to the settings of every model and network,
    whether or not its class accepts them.

    Args:
        model: class of the model.
        settings: the model's arguments from the command line; networks are class paths with arguments.
        networks: names of the settings that are networks.
        given_by_family: arguments that the family passes to its networks, if it builds them itself.
    """
    lines = [inspect.signature(vars(base)["__init__"]) for base in model.__mro__ if "__init__" in vars(base)]
    taken = {name for line in lines for name in line.parameters}
    for name in [name for name in settings if name not in taken and not name.startswith("_")]:
        del settings[name]
    for name in networks:
        if isinstance(settings.get(name), Mapping):  # and not a function that makes the network
            settings[name] = accepted_arguments(settings[name], given_by_family)


def accepted_arguments(network: Mapping[str, Any], given_by_family: Collection[str]) -> dict[str, Any]:
    """A network's class path with those of its arguments that its class accepts from a config."""
    accepted = inspect.signature(import_object(str(network["class_path"]))).parameters
    given = {key: value for key, value in network.get("init_args", {}).items() if key not in given_by_family}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        return {**network, "init_args": given}
    return {**network, "init_args": {key: value for key, value in given.items() if key in accepted}}


def is_plain(value: Any) -> bool:
    """Whether a value consists of numbers, texts, None, lists and mappings."""
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, PLAIN)


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
    """Compare settings of this run with those stored in the checkpoint that it resumes.

    Args:
        keys: names of the settings to compare; a name that is missing in ``now`` or ``then`` is skipped.
        now: settings of this run.
        then: settings stored in the checkpoint.

    Raises:
        InputError: if a setting differs; the message names the first one, with both values.
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
