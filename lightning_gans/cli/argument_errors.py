"""Errors of constructors and set-up hooks, with the key of the argument and the config that gives it.

Classes raise ``ValueError("width is 0; expected at least 1")`` and know no key. The command line knows from which part
of the config it builds them, and reports ``model.generator.width is 0; expected at least 1 (in FILE)``.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jsonargparse import Namespace

from lightning_gans.cli.input_errors import config_that_sets
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
            InputError: in place of a ValueError, or of an InputError without the key, such as "root is ...".
        """
        component = self._find(class_type, kwargs)
        try:
            instance = create(class_type, *args, **kwargs)
        except ValueError as error:
            refused = InputError(self._message(component, error))
            self.first = self.first or refused
            raise refused from error
        except InputError as error:
            refused = InputError(self._message(component, error)) if names_argument(component, error) else error
            self.first = self.first or refused
            if refused is error:
                raise
            raise refused from error
        self._built.append((instance, component))
        return instance

    def locate(self, error: ValueError | InputError) -> InputError | None:
        """The error with its key, if a hook of an instance that the config names raised it to refuse an argument."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        raising = frames[-1].f_globals.get("__name__", "")
        for frame in reversed(frames):
            if frame.f_code.co_name not in SETUP_HOOKS:
                continue
            for instance, component in self._built:
                if frame.f_locals.get("self") is instance:
                    if isinstance(error, InputError) and not names_argument(component, error):
                        return None
                    packages = {"lightning_gans", package_of(type(instance).__module__)}
                    return InputError(self._message(component, error)) if package_of(raising) in packages else None
        return None

    def _find(self, class_type: type, arguments: Mapping[str, Any]) -> Component:
        named = [found for found in components(self.config(), self.groups) if found.type is class_type]
        for found in named:
            plain = {name: value for name, value in found.arguments.items() if not isinstance(value, Namespace | list)}
            if all(arguments.get(name, value) == value for name, value in plain.items()):
                return found
        return named[0] if named else Component(class_type.__name__, class_type, dict(arguments))

    def _message(self, component: Component, error: ValueError | InputError) -> str:
        text = " ".join(str(error).split())
        if not names_argument(component, error):
            return f"{component.key}: {text}"
        name = text.partition(" ")[0]
        value = component.arguments.get(name)
        place = "" if value is None else config_that_sets(name, self.config_files(), str(value))
        return f"{component.key}.{text}{place}"


def names_argument(component: Component, error: Exception) -> bool:
    """Whether the message of an error begins with the name of one of the component's arguments."""
    name = str(error).partition(" ")[0]
    return name in component.arguments or name in parameters(component.type)


def package_of(module: str) -> str:
    """The top-level package of a module."""
    return module.partition(".")[0]


def parameters(class_type: object) -> set[str]:
    """Names of a constructor's parameters, those that it hands to its base classes included."""
    bases = class_type.__mro__ if isinstance(class_type, type) else ()
    constructors = [vars(base)["__init__"] for base in bases if "__init__" in vars(base)]
    return {name for constructor in constructors if constructor is not object.__init__ for name in _names(constructor)}


def _names(constructor: Callable[..., None]) -> list[str]:
    return [name for name in inspect.signature(constructor).parameters if name != "self"]
