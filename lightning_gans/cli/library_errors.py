"""Settings that Lightning or torch refuses: which of the given ones an error is about.

The libraries check settings in words of their own, often without the name of the setting: "No supported gpu backend
found!". Where something is constructed, the setting is found by constructing it again with one default at a time. In a
run, it is looked for in the message.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException

OWN_PACKAGE = "lightning_gans.cli"

LIBRARIES = {"lightning", "lightning_utilities", "torch", "fsspec"}

REFUSALS = (ValueError, TypeError, ImportError, MisconfigurationException)
"""What the libraries raise where they construct something with a setting that they refuse."""


def frames_below_command_line(error: BaseException) -> list[FrameType]:
    """The frames of an error below the last one of the command line's own code."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [index for index, frame in enumerate(frames) if module_of(frame).startswith(OWN_PACKAGE)]
    return frames[own[-1] + 1 :] if own else frames


def is_raised_by_library(error: BaseException) -> bool:
    """Whether Lightning or torch raised an error without a call of anyone else's code: nobody's code is at fault.

    Constructors of ours hand arguments to those of their base classes.
    """
    frames = frames_below_command_line(error)
    packages = [module_of(frame).partition(".")[0] for frame in frames]
    while packages and packages[0] == "lightning_gans" and frames[-len(packages)].f_code.co_name == "__init__":
        packages.pop(0)
    return bool(packages) and packages[0] in LIBRARIES and LIBRARIES | sys.stdlib_module_names >= set(packages)


def module_of(frame: FrameType) -> str:
    """The name of the module whose code a frame runs."""
    return str(frame.f_globals.get("__name__", ""))


def refused_arguments(
    create: Callable[[dict[str, Any]], object],
    arguments: Mapping[str, Any],
    defaults: Mapping[str, Any],
    error: Exception,
) -> list[str]:
    """Find the arguments that an error is about, by constructing again with the default in place of one at a time.

    Args:
        create: constructs from arguments, by name.
        arguments: those that led to the error.
        defaults: defaults of those that have one.
        error: what ``create(arguments)`` raised.

    Returns:
        Names of the arguments without which there is no error; if there are none, of those without which there is
        another one, as where several are refused.
    """
    cures: list[str] = []
    changes: list[str] = []
    with quiet():
        for name, default in defaults.items():
            if name not in arguments or is_same(arguments[name], default):
                continue
            try:
                create({**arguments, name: default})
            except Exception as other:
                if (type(other), str(other)) != (type(error), str(error)):
                    changes.append(name)
            else:
                cures.append(name)
    return cures or changes


def mentioned_arguments(message: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The arguments, of those that differ from their default, whose name or quoted value is in a message.

    Args:
        message: a library's message.
        arguments: the given arguments, by name.
        defaults: defaults of those that have one.

    Returns:
        Their names, in the message's order.
    """
    quoted = re.findall(r"[`'\"]([^`'\"]+)[`'\"]", message)
    places: dict[str, int] = {}
    for name, value in arguments.items():
        if name in defaults and is_same(value, defaults[name]):
            continue
        if match := re.search(rf"\b{re.escape(name)}\b", message):
            places[name] = match.start()
        elif isinstance(value, str) and value in quoted:
            places[name] = message.index(value)
    return sorted(places, key=places.__getitem__)


def is_same(value: object, default: object) -> bool:
    """Whether a value is the default: of the same type, since 1 batch is not 1.0, all of them."""
    plain = isinstance(default, str | int | float | list | tuple | dict)  # of a tensor, == is no truth value
    return value is default or (plain and type(value) is type(default) and bool(value == default))


@contextmanager
def quiet() -> Iterator[None]:
    """Context without the messages and warnings of trainers that are constructed to learn something."""
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def in_training(frames: Sequence[FrameType]) -> bool:
    """Whether a loop over batches is among frames."""
    return any(frame.f_code.co_name == "advance" for frame in frames)
