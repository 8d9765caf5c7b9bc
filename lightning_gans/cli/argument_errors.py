"""Errors of constructors and set-up hooks, with the key of the argument and the config that gives it.

Classes raise ``ValueError("width is 0; expected at least 1")`` and know no key. The command line knows from which part
of the config it builds them, and reports ``model.generator.width is 0; expected at least 1 (in FILE)``. Lightning and
torch refuse arguments in words of their own, which follow the key and the value.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException

from lightning_gans.cli.input_errors import config_that_sets
from lightning_gans.cli.library_errors import (
    REFUSALS,
    frames_below_command_line,
    in_training,
    is_raised_by_library,
    mentioned_arguments,
    refused_arguments,
)
from lightning_gans.components.class_paths import import_object
from lightning_gans.core.errors import InputError

SETUP_HOOKS = (
    "prepare_data",
    "setup",
    "train_dataloader",
    "configure_model",
    "configure_optimizers",
    "on_fit_start",
    "on_train_start",
)
"""Methods that check arguments against what is known only after construction; a ValueError from any other place is an
error in code, and keeps its traceback."""

TRAINER = "trainer"
"""Key of the trainer's settings."""


@dataclass
class Component:
    """A class that the config names, and where.

    Attributes:
        key: path of its key, as on the command line.
        type: the class.
        arguments: what the config gives its constructor.
    """

    key: str
    type: object
    arguments: dict[str, Any]


def components(config: object, groups: Mapping[str, type], key: str = "") -> Iterator[Component]:
    """All classes that a config names, at any depth.

    Args:
        config: a subcommand's config.
        groups: classes of the keys that hold arguments without a class path.
        key: path of the config's own key.
    """
    if isinstance(config, list | tuple):
        for index, item in enumerate(config):
            yield from components(item, groups, f"{key}[{index}]")
    if not isinstance(config, Namespace | dict):
        return
    items = entries(config)
    if "class_path" in items:
        arguments = {**entries(items.get("init_args") or {}), **entries(items.get("dict_kwargs") or {})}
        yield Component(key, _imported(str(items["class_path"])), arguments)
        items = arguments
    elif key in groups:
        yield Component(key, groups[key], items)
    for name, value in items.items():
        yield from components(value, groups, f"{key}.{name}" if key else name)


def _imported(path: str) -> object:
    """The object of a class path in the config; None if it cannot be imported, which the parser reports."""
    try:
        return import_object(path)
    except ImportError:
        return None


def entries(config: Namespace | dict[str, Any]) -> dict[str, Any]:
    """The entries of a config's first level."""
    return dict(config.items(branches=True, nested=False)) if isinstance(config, Namespace) else config


class ArgumentErrors:
    """Instantiates classes for the parser, and turns their errors into :class:`.InputError` with the key's path.

    Args:
        config: a function that returns the subcommand's config.
        config_files: paths of the configs that were given.
        groups: classes of the keys that hold arguments without a class path.

    Attributes:
        first: the first error; the parser hides it in a report where a key may hold one of several types.
    """

    def __init__(
        self, config: Callable[[], Namespace], config_files: Callable[[], Sequence[str]], groups: Mapping[str, type]
    ) -> None:
        self.config, self.config_files, self.groups = config, config_files, groups
        self.first: InputError | None = None
        self._built: list[tuple[object, Component]] = []

    def wrap(self, instantiator: Callable[..., Any]) -> Callable[..., Any]:
        """An instantiator as jsonargparse calls it, which adds the key to errors."""
        if "applied_instantiation_links" not in inspect.signature(instantiator).parameters:

            def create(class_type: type, *args: Any, **kwargs: Any) -> Any:
                return self.instantiate(instantiator, class_type, *args, **kwargs)

            return create

        # By its name the parser knows what wants the values of links.
        def create_linked(class_type: type, *args: Any, applied_instantiation_links: object, **kwargs: Any) -> Any:
            linked = partial(instantiator, applied_instantiation_links=applied_instantiation_links)
            return self.instantiate(linked, class_type, *args, **kwargs)

        return create_linked

    def instantiate(self, create: Callable[..., Any], class_type: type, *args: Any, **kwargs: Any) -> Any:
        """``create(class_type, *args, **kwargs)``.

        Raises:
            InputError: in place of a ValueError, of a library's refusal of an argument, or of an InputError without the
                key, such as "root is ...".
        """
        component = self._find(class_type, kwargs)
        try:
            instance = create(class_type, *args, **kwargs)
        except Exception as error:
            refused = self._refusal(component, error, lambda given: create(class_type, *args, **given), kwargs)
            if refused is None:
                raise
            self.first = self.first or refused
            if refused is error:
                raise
            raise refused from error
        self._built.append((instance, component))
        return instance

    def locate(self, error: Exception) -> InputError | None:
        """The error with its key, if it refuses an argument.

        Args:
            error: raised by a hook of an instance that the config names, or by a library.
        """
        if isinstance(error, ValueError | InputError | MisconfigurationException) and (found := self._in_hook(error)):
            return found
        return self._in_library(error)

    def _refusal(
        self,
        component: Component,
        error: Exception,
        create: Callable[[dict[str, Any]], object],
        arguments: dict[str, Any],
    ) -> InputError | None:
        """The error of a constructor with its key; None if it is an error in code."""
        if isinstance(error, InputError):
            return InputError(self._message(component, error)) if names_argument(component, error) else error
        if isinstance(error, REFUSALS) and is_raised_by_library(error):
            names = refused_arguments(create, arguments, defaults(component.type), error)
            mentioned = mentioned_arguments(str(error), component.arguments, defaults(component.type))
            names = [name for name in mentioned if name in names] or names or mentioned[:1]
            return InputError(self._library_message(component, names, error))
        # A trainer is built of parts whose errors are not its own.
        own = component.key != TRAINER or names_argument(component, error)
        return InputError(self._message(component, error)) if isinstance(error, ValueError) and own else None

    def _in_hook(self, error: Exception) -> InputError | None:
        """The error with its key, if a hook of an instance that the config names raised it to refuse an argument."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        raising = frames[-1].f_globals.get("__name__", "")
        for frame in reversed(frames):
            if frame.f_code.co_name not in SETUP_HOOKS or (component := self._component_of(frame)) is None:
                continue
            if isinstance(error, InputError) and not names_argument(component, error):
                return None
            packages = {"lightning_gans", package_of(type(frame.f_locals["self"]).__module__)}
            return InputError(self._message(component, error)) if package_of(raising) in packages else None
        return None

    def _in_library(self, error: Exception) -> InputError | None:
        """The error with its key, if a library raised it in a run and it is about a setting."""
        if not is_raised_by_library(error):
            return None
        frames = frames_below_command_line(error)
        component = next(filter(None, (self._component_of(frame) for frame in reversed(frames))), None)
        if component is None:
            return None
        # A message names first what it is about, then perhaps what else could be set.
        names = mentioned_arguments(str(error), component.arguments, defaults(component.type))[:1]
        if isinstance(error, MisconfigurationException):
            return InputError(self._library_message(component, names, error))
        # Other errors in a loop may be about batches, and other errors of the trainer about the machine.
        if in_training(frames):
            is_refusal = isinstance(error, RuntimeError) and component.key != TRAINER and bool(names)
        else:
            is_refusal = bool(names) if component.key == TRAINER else isinstance(error, (RuntimeError, *REFUSALS))
        return InputError(self._library_message(component, names, error)) if is_refusal else None

    def _component_of(self, frame: FrameType) -> Component | None:
        """What the config says of the instance whose method a frame runs, if it names it."""
        owner = frame.f_locals.get("self")
        return next((component for instance, component in self._built if instance is owner), None)

    def _find(self, class_type: type, arguments: Mapping[str, Any]) -> Component:
        named = [found for found in components(self.config(), self.groups) if found.type is class_type]
        for found in named:
            plain = {name: value for name, value in found.arguments.items() if not isinstance(value, Namespace | list)}
            if all(arguments.get(name, value) == value for name, value in plain.items()):
                return found
        return named[0] if named else Component(class_type.__name__, class_type, dict(arguments))

    def _message(self, component: Component, error: Exception) -> str:
        text = " ".join(str(error).split())
        if not names_argument(component, error):
            return f"{component.key}: {text}"
        name = text.partition(" ")[0]
        value = component.arguments.get(name)
        place = "" if value is None else config_that_sets(name, self.config_files(), str(value))
        return f"{component.key}.{text}{place}"

    def _library_message(self, component: Component, names: Sequence[str], error: Exception) -> str:
        text = " ".join(str(error).split())
        given = {name: component.arguments[name] for name in names if name in component.arguments}
        if not given:
            return f"{component.key}: {text}"
        settings = " and ".join(f"{component.key}.{name} is {shown(value)}" for name, value in given.items())
        first, value = next(iter(given.items()))
        return f"{settings}: {text}{config_that_sets(first, self.config_files(), str(value))}"


def shown(value: object) -> str:
    """A value as it is written in a config; of a class its path."""
    if isinstance(value, Namespace | dict):
        return str(value.get("class_path", value))
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def names_argument(component: Component, error: Exception) -> bool:
    """Whether the message of an error begins with the name of one of the component's arguments."""
    name = str(error).partition(" ")[0]
    return name in component.arguments or name in parameters(component.type)


def package_of(module: str) -> str:
    """The top-level package of a module."""
    return module.partition(".")[0]


def parameters(class_type: object) -> set[str]:
    """Names of a constructor's parameters, those that it hands to its base classes included."""
    return set(_parameters(class_type))


def defaults(class_type: object) -> dict[str, Any]:
    """The defaults of a constructor's parameters, by name, those that it hands to its base classes included."""
    return {name: p.default for name, p in _parameters(class_type).items() if p.default is not p.empty}


def _parameters(class_type: object) -> dict[str, inspect.Parameter]:
    bases = class_type.__mro__ if isinstance(class_type, type) else ()
    constructors = [vars(base)["__init__"] for base in reversed(bases) if "__init__" in vars(base)]
    found: dict[str, inspect.Parameter] = {}
    for constructor in constructors:
        if constructor is not object.__init__:
            found.update(inspect.signature(constructor).parameters)
    found.pop("self", None)
    return found
