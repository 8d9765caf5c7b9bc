"""Reports invalid input in one sentence: the key on the command line, its value, what was expected, and the file.

jsonargparse raises errors without fields: the key, the value and the type are in the message only, which has a line for
every type that the key may have. Each pattern below is tested with the installed version; a report that matches none is
printed as it is.

Classes raise ``ValueError("width is 0; expected at least 1")`` and know no key. The command line knows from which part
of the config it builds them, and reports ``model.generator.width is 0; expected at least 1 (in FILE)``.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from lightning_gans.cli.config_arguments import read_config
from lightning_gans.components.class_paths import import_object
from lightning_gans.core.errors import InputError

_REFUSED_KEY = re.compile(r"(?:Option|Key) ['\"]([\w.+]+)['\"] is not (?:accepted|expected)")
_UNRECOGNIZED = re.compile(r"unrecognized arguments: --([\w.+-]+)", re.IGNORECASE)
_NO_CLASS = re.compile(r"Expected a dot import path string: ([\w.]*\w)")
_OTHER_CLASS = re.compile(
    r"(?:Expected '|Import path )([\w.]+)'? (?:to be|does not correspond to) a subclass of (?:<class ')?([\w.]*\w)"
)
_NOT_IMPORTED = re.compile(
    r"given class_path '([\w.]+)':\s+(No module named '[\w.]+'|module '[\w.]+' has no attribute '\w+')"
)
_MISSING = re.compile(r"the following arguments are required: ([\w.]+(?:, [\w.]+)*)")
_TYPE = re.compile(r"<class '([\w.]+)'>|tuple\[([\w, ]+)\]|Literal\[([^\]]+)\]|Expected a tuple with (\d+) elements")
_UNION = re.compile(r"Subtypes: \[(.+)\]\s+Errors:")
_VALUE = re.compile(r"Got value: (\[.*?\]|[^\s,.]+(?:\.\w+)*)")
_VALUE_OF_UNION = re.compile(r"Given value: (?!NestedArg|Namespace)(.+)")

_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping of keys to values",
    "NoneType": "null",
}
"""What users call the types of values."""


def summarize_parser_error(report: str, words: Iterable[str], configs: Iterable[str]) -> str:
    """Summarize a report in one sentence.

    Args:
        report: the parser's message, of many lines.
        words: known keys and classes, to suggest one for a misspelled name.
        configs: paths of the configs on the command line; the one that sets the invalid key is named.

    Returns:
        The sentence.
    """
    path = ".".join(re.findall(r'Parser key "([\w.]+)"', report))
    if match := _UNRECOGNIZED.search(report):
        return f"{match[1]} is not a known key{_suggestion(match[1], words)}"
    if match := _REFUSED_KEY.search(report):
        key = ".".join(filter(None, (path, match[1])))
        return f"{key} is not a known key{_suggestion(match[1], words)}{config_that_sets(match[1], configs)}"
    if match := _NO_CLASS.search(report):
        place = config_that_sets(path, configs, match[1])
        if match[1] in words:
            return f"{path} is {match[1]}, a class of another kind than is expected there{place}"
        return f"{path} is {match[1]}, which is no known class{_suggestion(match[1], words)}{place}"
    if match := _OTHER_CLASS.search(report):
        return f"{path} is {match[1]}; expected a subclass of {match[2]}{config_that_sets(path, configs, match[1])}"
    if match := _NOT_IMPORTED.search(report):
        place = config_that_sets(path, configs, match[1])
        return f"{path} is {match[1]}, which cannot be imported here ({match[2]}){place}"
    if path and (refused := _wrong_type(report)):
        value, expected = refused
        return f"{path} is {value}; expected {expected}{config_that_sets(path, configs, value)}"
    if match := _MISSING.search(report):
        # Without a path the keys begin with the subcommand.
        names = [f"{path}.{name}" if path else name.partition(".")[2] or name for name in match[1].split(", ")]
        return f"{', '.join(names)} must be given, on the command line or in a config (`lightning-gans configs`)"
    return " ".join(report.split())


def _wrong_type(report: str) -> tuple[str, str] | None:
    """The value that a report refuses for its type, and what was expected in its place."""
    inner = report[report.rfind("Parser key ") :]  # keys around the last one have types of their own
    union = _UNION.search(inner)
    match = (_VALUE_OF_UNION if union else _VALUE).search(inner)
    types = _TYPE.findall(union[1] if union else inner[: match.start()] if match else "")
    return (match[1], _type_names(types)) if match and types else None


def _type_names(types: Sequence[tuple[str, str, str, str]]) -> str:
    """The types that a key may have, as groups of :data:`_TYPE`, in words."""
    names, choices = [], []
    for class_name, elements, literals, length in types:
        if literals:
            choices += [choice.strip("'") for choice in literals.split(", ")]
        elif class_name == "bool":
            choices += ["true", "false"]
        elif elements:
            of = elements.split(", ")
            same = _TYPE_NAMES.get(of[0], of[0]).removeprefix("a ") + "s" if len(set(of)) == 1 else "values"
            names.append(f"a list of {len(of)} {same}")
        else:
            names.append(f"a list of {length} values" if length else _TYPE_NAMES.get(class_name, class_name))
    if "a number" in names and "a whole number" in names:
        names.remove("a whole number")
    names = list(dict.fromkeys([*choices, *names]))
    if names == ["a whole number", "a list of 2 whole numbers"]:  # core.images.Size, the only such type
        return "a whole number, or [height, width]"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def known_words(parser: ArgumentParser) -> set[str]:
    """The names of keys, of our classes, and of their arguments."""
    options = set(parser.get_defaults(skip_validation=True).keys(branches=True))
    classes = [
        item
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").partition(".")[0] in ("lightning_gans", "datamodules")
        and not module.__name__.startswith("lightning_gans.sweeps")  # no config has those
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__.partition(".")[0] in ("lightning_gans", "datamodules")
    ]
    arguments = {
        name
        for item in classes
        for base in item.__mro__
        for name in getattr(vars(base).get("__init__"), "__annotations__", ())
    }
    return options | {item.__name__ for item in classes} | (arguments - {"return"})


def _suggestion(word: str, words: Iterable[str]) -> str:
    known = set(words) - {word.rpartition(".")[2]}
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.7)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def config_that_sets(key: str, configs: Iterable[str], value: str | None = None) -> str:
    """Name the last config that sets a key.

    Args:
        key: path of the key, of which the last part is compared.
        configs: paths of configs.
        value: if given, only configs that set the key to this value count.

    Returns:
        `` (in FILE)``, or nothing if the key was set on the command line.
    """
    leaf = key.rpartition(".")[2]
    holding = [
        config
        for config in configs
        if any(name == leaf and value in (None, str(held)) for name, held in _entries(read_config(config)))
    ]
    return f" (in {holding[-1]})" if holding else ""


def _entries(node: Any) -> Iterator[tuple[str, Any]]:
    """All keys with their values, at any depth; the value of a class is its class path."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield str(key), value.get("class_path", value) if isinstance(value, Mapping) else value
            yield from _entries(value)
    elif isinstance(node, list):
        for item in node:
            yield from _entries(item)


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
                    packages = {"lightning_gans", "datamodules", package_of(type(instance).__module__)}
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
