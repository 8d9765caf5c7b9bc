"""Constructor arguments as plain data, by which a checkpoint describes the parts of a model."""

from __future__ import annotations

import inspect
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
