"""Parts of models from plain data in files from elsewhere, checked against the types of the constructors' arguments.

Unlike the parser of the command line it interprets no text: a text is a text, and where a class is meant a mapping of
``class_path`` and ``init_args`` is expected. Which classes may be named is decided by :func:`.find_part`.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.components.class_paths import NO_TRUST, Trust, find_part
from lightning_gans.core.arguments import StoresArguments, short_text

T = TypeVar("T")

LARGEST_FLOAT = 10**300
"""Bound of whole numbers in place of a float."""

TYPE_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    types.NoneType: "null",
}
"""Names of the types of plain values, as in JSON."""

MADE = (nn.Module, StoresArguments, Optimizer, LRScheduler)
"""Base classes of what functions make that a constructor takes, such as a norm of a number of channels."""


class Builder:
    """Builds objects from plain data.

    Args:
        trust: classes that may be named beside those of this package and of torch.
    """

    def __init__(self, trust: Trust = NO_TRUST) -> None:
        self.trust = trust

    def build(self, name: str, description: object, base: type[T]) -> T:
        """Build an object.

        Args:
            name: name of the object, for messages.
            description: mapping of ``class_path`` and ``init_args``.
            base: class that the object has to be an instance of.

        Raises:
            ImportError: if a trusted class cannot be imported.
            TypeError: if the description names another class.
            ValueError: if the description is not one, or an argument has another type.
        """
        found, arguments = self._class_and_arguments(name, description, base)
        made: T = found(**arguments)
        return made

    def build_maker(self, name: str, description: object, base: type[T]) -> Callable[..., T]:
        """A function that builds objects, to which the remaining arguments are given; see :meth:`build`."""
        found, arguments = self._class_and_arguments(name, description, base)
        return partial(found, **arguments) if arguments else found

    def arguments(self, name: str, cls: type, given: object) -> dict[str, Any]:
        """The arguments of a constructor from plain data.

        Args:
            name: name of the object, for messages.
            cls: the class.
            given: the arguments as plain data.

        Raises:
            ImportError: if a trusted class cannot be imported.
            TypeError: if an argument names another class than is expected.
            ValueError: if the class has no argument of a name, or an argument has another type.
        """
        if not isinstance(given, Mapping):
            raise ValueError(f"{name}.init_args is {short_text(given)}; expected arguments by name")
        hints = constructor_types(cls)
        for key in given:
            if key not in hints:
                raise ValueError(f"{name}.{short_text(key)} is not an argument of {cls.__name__}")
        return {key: self.convert(f"{name}.{key}", value, hints[key]) for key, value in given.items()}

    def _class_and_arguments(self, name: str, description: object, base: type) -> tuple[type, dict[str, Any]]:
        if not isinstance(description, Mapping) or not {"class_path"} <= set(description) <= DESCRIPTION:
            raise ValueError(f"{name} is {short_text(description)}; expected a class_path and its init_args")
        found = find_part(description["class_path"], base, self.trust)
        arguments = self.arguments(name, found, description.get("init_args") or {})
        return found, {**arguments, **(description.get("dict_kwargs") or {})}

    def convert(self, name: str, value: object, hint: Any) -> Any:
        """A value of an argument, checked against its type.

        Args:
            name: name of the argument, for messages.
            value: plain data.
            hint: type of the argument; without one, plain data is passed on as it is.

        Raises:
            ImportError: if a trusted class cannot be imported.
            TypeError: if the value names another class than is expected.
            ValueError: if the value has another type.
        """
        origin, parts = get_origin(hint), get_args(hint)
        if hint in (Any, inspect.Parameter.empty, object) or isinstance(hint, TypeVar | str):
            return value
        if origin is Annotated:
            return self.convert(name, value, parts[0])
        if origin in (Union, types.UnionType):
            return self._convert_union(name, value, parts)
        if origin is Literal:
            if any(type(value) is type(choice) and value == choice for choice in parts):
                return value
        elif hint in TYPE_NAMES:
            if type(value) is hint:
                return value
            if hint is float and type(value) is int and abs(value) < LARGEST_FLOAT:
                return float(value)
        elif origin is type or hint is type:
            path = value.get("class_path") if isinstance(value, Mapping) else value
            return find_part(path, parts[0] if parts and isinstance(parts[0], type) else object, self.trust)
        elif origin is Callable or hint in (Callable, types.FunctionType):
            return self._convert_callable(name, value, parts)
        elif isinstance(origin or hint, type):
            return self._convert_class(name, value, origin or hint, parts)
        raise ValueError(f"{name} is {short_text(value)}; expected {type_name(hint)}")

    def _convert_union(self, name: str, value: object, hints: Sequence[Any]) -> Any:
        errors: list[Exception] = []
        for hint in hints:
            try:
                return self.convert(name, value, hint)
            except (ValueError, TypeError, ImportError) as error:
                errors.append(error)
        if isinstance(value, Mapping) and "class_path" in value:
            # The error from within the description says more than that this type has no description.
            raise next((error for error in errors if not str(error).startswith(f"{name} is ")), errors[-1])
        raise ValueError(f"{name} is {short_text(value)}; expected {' or '.join(map(type_name, hints))}")

    def _convert_callable(self, name: str, value: object, parts: Sequence[Any]) -> Any:
        returned = parts[-1] if parts else None
        if isinstance(value, Mapping):
            if isinstance(returned, type) and issubclass(returned, MADE):
                return self.build_maker(name, value, returned)
            return self.build(name, value, nn.Module)  # called as a function, such as an activation
        raise ValueError(f"{name} is {short_text(value)}; expected a class_path and its init_args")

    def _convert_class(self, name: str, value: object, cls: type, parts: Sequence[Any]) -> Any:
        if issubclass(cls, enum.Enum) and isinstance(value, str) and value in cls.__members__:
            return cls[value]
        if cls is Path and isinstance(value, str):
            return Path(value)
        if issubclass(cls, Mapping) or cls in (dict, Mapping):
            if isinstance(value, Mapping):
                key_type, value_type = parts or (Any, Any)
                return {
                    self.convert(name, k, key_type): self.convert(f"{name}.{k}", v, value_type)
                    for k, v in value.items()
                }
        elif cls in COLLECTIONS:
            if isinstance(value, list | tuple):
                return self._convert_collection(name, value, cls, parts)
        elif isinstance(value, Mapping) and dataclasses.is_dataclass(cls) and "class_path" not in value:
            return cls(**self.arguments(name, cls, value))
        else:
            return self.build(name, value, cls)
        raise ValueError(f"{name} is {short_text(value)}; expected {type_name(cls)}")

    def _convert_collection(self, name: str, values: Sequence[object], cls: type, parts: Sequence[Any]) -> Any:
        hints = [parts[0] if parts else Any] * len(values)
        if cls is tuple and parts and parts[-1] is not Ellipsis:
            if len(values) != len(parts):
                raise ValueError(f"{name} is {short_text(values)}; expected {len(parts)} values")
            hints = list(parts)
        converted = (
            self.convert(f"{name}[{i}]", value, hint) for i, (value, hint) in enumerate(zip(values, hints, strict=True))
        )
        return COLLECTIONS[cls](converted)


DESCRIPTION = {"class_path", "init_args", "dict_kwargs"}
"""Keys of the description of an object; the last has arguments that the command line's parser could not check."""

COLLECTIONS: dict[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: list,
    Iterable: list,
    Collection: list,
    Set: frozenset,
}
"""Makers of values for arguments of these types, from a list."""


def constructor_types(cls: type) -> dict[str, Any]:
    """The types of a constructor's arguments by name, those that it passes to its base classes included.

    An argument without a type, or whose type cannot be evaluated, has :class:`typing.Any`.
    """
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if base in (object, nn.Module):
            break
        constructor = vars(base).get("__init__")
        if constructor is None:
            continue
        try:
            hints = get_type_hints(constructor, include_extras=True)
        except Exception:  # a name that is only imported for type checkers
            hints = {}
        parameters = list(inspect.signature(constructor).parameters.values())[1:]  # the first is self
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, hints.get(parameter.name, Any))
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def type_name(hint: Any) -> str:
    """A type in words, for messages."""
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if hint in TYPE_NAMES:
        return TYPE_NAMES[hint]
    origin = get_origin(hint) or hint
    if origin in COLLECTIONS:
        return "a list"
    return "a mapping" if origin in (dict, Mapping) else getattr(origin, "__name__", str(origin))
