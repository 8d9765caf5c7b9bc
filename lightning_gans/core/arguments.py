"""Constructor arguments as plain data, by which a checkpoint describes the parts of a model."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

PLAIN = (bool, int, float, str, type(None))


class StoresArguments:
    """Base class of parts of a model; keeps the constructor's arguments, so that a checkpoint can describe the part.

    A base class of parts that has no arguments defines an ``__init__`` without any: :func:`inspect.signature` takes
    this class's ``__new__`` for the signature of a class that inherits no other constructor.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Create the object, and keep the arguments."""
        made = super().__new__(cls)
        vars(made)["_arguments"] = args, kwargs
        return made

    def constructor_arguments(self) -> dict[str, Any]:
        """The constructor's arguments by name, with the defaults of those that were not given.

        Raises:
            ValueError: if an argument has no name.
        """
        args, kwargs = self._arguments
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        named: dict[str, Any] = {}
        for index, (name, value) in enumerate(bound.arguments.items()):
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif kind is inspect.Parameter.VAR_POSITIONAL and value:
                raise ValueError(f"it was made with arguments without names, *{name}")
            elif index and kind is not inspect.Parameter.VAR_POSITIONAL:  # the first is self
                named[name] = value
        return named


def describe(value: Any) -> Any:
    """Describe an argument as plain data, from which the command line's parser builds it again.

    Numbers, texts, lists and mappings remain themselves; a class, a ``functools.partial`` of one and an object of
    :class:`StoresArguments` become a mapping of ``class_path`` and ``init_args``.

    Raises:
        ValueError: if the value, or something in it, cannot be described; the message says why.
    """
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, type):
        return {"class_path": class_path(value)}
    if isinstance(value, partial) and isinstance(value.func, type) and not value.args:
        return {"class_path": class_path(value.func), "init_args": describe(value.keywords)}
    if isinstance(value, StoresArguments):
        arguments = value.constructor_arguments()
        return {"class_path": class_path(type(value)), "init_args": describe(arguments)}
    if inspect.isroutine(value):
        raise ValueError(f"{getattr(value, '__qualname__', value)} is a function; expected a class, or partial of one")
    raise ValueError(f"a {type(value).__name__} is not plain data")


def class_path(cls: type) -> str:
    """The path by which a class can be imported.

    Raises:
        ValueError: if it cannot be imported, since it was defined in a function or in another class.
    """
    path = f"{cls.__module__}.{cls.__qualname__}"
    if getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is not cls:
        raise ValueError(f"{path} cannot be imported; expected a class at the top level of a module")
    return path


CLASS_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def is_class_path(value: object) -> bool:
    """Whether a value has the form of a class path, names that are joined by dots."""
    return isinstance(value, str) and CLASS_PATH.fullmatch(value) is not None


SHORT = 60
"""Characters of a value in a message."""


def short_text(value: object) -> str:
    """A value as text of one line and limited length, for messages about files from elsewhere."""
    if isinstance(value, Mapping):
        path = value.get("class_path")
        return f"a description of {short_text(path)}" if isinstance(path, str) else f"a mapping of {len(value)} values"
    if isinstance(value, list | tuple):
        plain = len(value) <= 4 and all(isinstance(item, PLAIN) for item in value)
        return f"[{', '.join(map(short_text, value))}]" if plain else f"a list of {len(value)} values"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of more than 38 digits"
    text = repr(value) if isinstance(value, PLAIN) else f"a {type(value).__name__}"
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


MOST_VALUES = 100_000
"""Values that the description of a model may have."""

DEEPEST = 40
"""Depth to which the description of a model may be nested."""


MOST_BITS = 4096
"""Bits of a whole number, which Python can print."""


def check_plain_tree(name: str, value: object, leaves: tuple[type, ...] = PLAIN) -> None:
    """Check that a value is plain data of limited depth and size, so that functions may walk it.

    In a checkpoint a list may contain another one many times, so that a short file describes more values than memory
    can hold.

    Args:
        name: name of the value, for the message.
        value: the value.
        leaves: types of the values within lists and mappings.

    Raises:
        ValueError: if it is nested too deeply, has too many values, or contains anything else.
    """
    stack, seen = [(value, 0)], 1
    while stack:
        node, depth = stack.pop()
        if isinstance(node, Mapping):
            items = [*node.keys(), *node.values()]
        elif isinstance(node, list | tuple):
            items = list(node)
        elif isinstance(node, leaves):
            if isinstance(node, int) and node.bit_length() > MOST_BITS:
                raise ValueError(f"{name} has {short_text(node)}; expected smaller ones")
            continue
        else:
            raise ValueError(f"{name} contains a {type(node).__name__}; expected plain data")
        seen += len(items)
        if depth >= DEEPEST or seen > MOST_VALUES:
            raise ValueError(
                f"{name} is nested too deeply or too large; expected at most {DEEPEST} levels and {MOST_VALUES} values"
            )
        stack += [(item, depth + 1) for item in items]
