"""Classes that replace others in the arguments of a command: which arguments of the earlier class are kept.

jsonargparse keeps the arguments of a class that is replaced where the new class has arguments of the same names. That
is what is wanted of the model and of the data: a config's recipe is used with another variant, or on other images. In
any other part, such as a network or an optimizer, equal names seldom mean the same. So there only what was typed on the
command line is kept, and what configs or the variant gave to the earlier class is not.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser, Namespace

import lightning_gans.variants
from lightning_gans.cli.argument_errors import entries
from lightning_gans.cli.config_arguments import Source, sources
from lightning_gans.cli.moved_classes import moved_class
from lightning_gans.components.class_paths import import_object

RECIPES = ("model", "data")
"""Keys of the classes whose arguments are kept for the class that replaces them."""

EMPTY = inspect.Parameter.empty


def parse_arguments(
    parser: ArgumentParser, expanded: Sequence[str], owners: Mapping[str, Any]
) -> tuple[Namespace, list[str]]:
    """Parse the arguments of a command, so that classes have no arguments of those that they replace.

    Args:
        parser: that of the command line, with subcommands.
        expanded: arguments from :func:`.expand_configs`.
        owners: the classes of the callbacks, by their keys.

    Returns:
        The config, and lines that say what was taken from classes that were replaced, and what was not.
    """
    # Without --print_config, which would print and exit before the defaults of replaced classes are set right.
    plain = [argument for argument in expanded if not argument.startswith("--print_config")]
    config, given = parser.parse_args(plain), sources(plain)
    corrected = own_defaults(config[config.subcommand], owners, given)
    if corrected or plain != expanded:
        config = parser.parse_args([*expanded, *corrected])
    return config, describe_replaced(config[config.subcommand], owners, given)


class Part(NamedTuple):
    """A class that the parsed config has.

    Attributes:
        key: its dotted key, without ``init_args``.
        owner: the class of which it is an argument.
        name: the argument.
        value: the config's value, with ``class_path``.
        since: position of the source that has named the owner's class; what configs before it say is not used.
    """

    key: str
    owner: Any
    name: str
    value: Namespace
    since: int


class History:
    """What the sources say of one part, in their order.

    Args:
        part: the part.
        given: the configs and options.

    Attributes:
        former: the class that was replaced last; empty if none was.
        named: position of the source that named the present class.
        kept: arguments that were given to the present class, or typed.
        dropped: arguments that configs gave to former classes, and nobody to the present one.
        is_known: whether the present class is that of the parsed config, as it is if every source was understood.
        is_replaced: whether there was another class, or another one is the default.
    """

    def __init__(self, part: Part, given: Sequence[Source]) -> None:
        self.former, self.named = "", part.since
        self._given: dict[str, bool] = {}
        self.dropped: list[str] = []
        present, owner = "", part.owner
        for index, source in enumerate(given):
            if part.key == f"model.{part.name}" and (variant := source.classes.get("model")):
                owner = variant_class(variant, part.owner)
            if not source.mentions(part.key) or (index < part.since and source.config):
                continue
            present = present or default_class(owner, part.name)
            named = source.classes.get(part.key)
            if named is not None and not is_same(named, present):
                self._replace(present, index)
                present = named
            self._given |= dict.fromkeys(source.arguments(part.key), bool(source.config))
        chosen, default = part.value.class_path, default_class(part.owner, part.name)
        self.kept = set(self._given)
        self.dropped = [name for name in self.dropped if name not in self.kept]
        self.is_known = is_same(present or chosen, chosen)
        self.is_replaced = bool(self.former) or bool(default and not is_same(default, chosen))

    def _replace(self, former: str, index: int) -> None:
        self.former, self.named = former or self.former, index
        by_configs = [name for name, is_config in self._given.items() if is_config]
        self.dropped += by_configs
        for name in by_configs:
            del self._given[name]


def parts_of(config: Namespace, owners: Mapping[str, Any], given: Sequence[Source]) -> Iterator[tuple[Part, History]]:
    """The parts of a config that are classes and arguments of its model or of a callback, each before its own parts.

    Args:
        config: a subcommand's parsed config.
        owners: the classes of the callbacks, by their keys.
        given: the configs and options that it was parsed from.
    """
    roots = [(key, owner, config.get(key)) for key, owner in owners.items()]
    roots.append(("model", import_object(config.model.class_path), config.model.get("init_args")))
    for key, owner, arguments in roots:
        yield from _parts_below(key, owner, arguments, given, 0)


def _parts_below(
    key: str, owner: Any, arguments: Any, given: Sequence[Source], since: int
) -> Iterator[tuple[Part, History]]:
    for name, value in entries(arguments).items() if isinstance(arguments, Namespace) else ():
        if not isinstance(value, Namespace) or "class_path" not in value:
            continue
        part = Part(f"{key}.{name}", owner, name, value, since)
        history = History(part, given)
        yield part, history
        chosen = import_object(value.class_path)
        yield from _parts_below(part.key, chosen, value.get("init_args"), given, history.named)


def own_defaults(config: Namespace, owners: Mapping[str, Any], given: Sequence[Source]) -> list[str]:
    """Arguments that give replaced parts the defaults of their class in place of what belonged to an earlier class.

    An argument without a default keeps its value.

    Args:
        config: a subcommand's parsed config.
        owners: the classes of the callbacks, by their keys.
        given: the configs and options that it was parsed from.
    """
    corrected: dict[str, str] = {}
    for part, history in parts_of(config, owners, given):
        inherited = any(f"{part.key}.".startswith(f"{key}.") for key in corrected)
        if inherited or not history.is_replaced or not history.is_known:
            continue
        for name, value in init_args(part.value).items():
            default = default_in(part, name)
            if name not in history.kept and default is not EMPTY and not is_equal(value, default):
                with suppress(TypeError):  # a default that cannot be written as an argument
                    corrected[f"{part.key}.{name}"] = as_argument(default)
    return [f"--{key}={value}" for key, value in corrected.items()]


def describe_replaced(config: Namespace, owners: Mapping[str, Any], given: Sequence[Source]) -> list[str]:
    """Lines that say what the classes that replace others take of the arguments that configs gave to those.

    Args:
        config: a subcommand's config, parsed with the arguments of :func:`own_defaults`.
        owners: the classes of the callbacks, by their keys.
        given: the configs and options, without those arguments.
    """
    lines = [line for key in RECIPES if (line := _describe_recipe(key, config[key], given))]
    for part, history in parts_of(config, owners, given):
        if history.former and history.dropped and history.is_known:
            lines.append(_line(part.key, part.value.class_path, history.former, [], history.dropped))
    return lines


def _describe_recipe(key: str, value: Namespace, given: Sequence[Source]) -> str:
    """The line on a model or on data; empty if configs gave no arguments to a class that was replaced."""
    present = former = ""
    is_earlier: dict[str, bool] = {}
    for source in given:
        named = source.classes.get(key)
        if named is not None and present and not is_same(named, present):
            former, is_earlier = present, dict.fromkeys(is_earlier, True)
        present = named or present
        for name in source.arguments(key):
            is_earlier.pop(name, None)
            if source.config:
                is_earlier[name] = False
    arguments, owner = init_args(value), import_object(value.class_path)
    earlier = [name for name, true in is_earlier.items() if true]
    shown = []
    for name in (name for name in earlier if name in arguments):
        if isinstance(argument := arguments[name], Namespace):
            shown.append(name)
        elif not is_equal(argument, default_of(owner, name)):
            shown.append(f"{name} {argument}")
    return _line(key, value.class_path, former, shown, [name for name in earlier if name not in arguments])


def _line(key: str, chosen: str, former: str, taken: Sequence[str], left: Sequence[str]) -> str:
    """What a class takes, and what it does not take, of what configs gave to a former one; empty for nothing."""
    said = [f"{what}: {', '.join(names)}" for what, names in (("taken over", taken), ("not taken over", left)) if names]
    return "; ".join([f"{key} is {last_name(chosen)} in place of {last_name(former)}", *said]) if said else ""


def init_args(value: Namespace) -> dict[str, Any]:
    """The arguments of a class in a parsed config."""
    arguments = value.get("init_args")
    return entries(arguments) if isinstance(arguments, Namespace) else {}


def variant_class(name: str, otherwise: Any) -> Any:
    """The class of a variant, by its path or, of ours, its name; ``otherwise`` if it is not found."""
    with suppress(ImportError):
        return import_object(name) if "." in name else getattr(lightning_gans.variants, name, otherwise)
    return otherwise


def default_of(owner: Any, name: str) -> Any:
    """The default of an argument of a class, of its bases or of a function; :data:`EMPTY` if it has none."""
    for each in owner.__mro__ if isinstance(owner, type) else [owner]:
        if isinstance(owner, type) and "__init__" not in vars(each):
            continue
        with suppress(ValueError, TypeError):  # a class written in C
            parameters = inspect.signature(each).parameters
            if name in parameters:
                return parameters[name].default
    return EMPTY


def default_in(part: Part, name: str) -> Any:
    """The default of an argument of a part: that of its owner, if the part has the class of the owner's default."""
    default = default_of(part.owner, part.name)
    if isinstance(default, Mapping) and is_same(default["class_path"], part.value.class_path):
        return default["init_args"].get(name, default_of(import_object(part.value.class_path), name))
    return default_of(import_object(part.value.class_path), name)


def default_class(owner: Any, name: str) -> str:
    """The path of the class that is an argument's default; empty if there is none."""
    default = default_of(owner, name)
    if isinstance(default, Mapping):
        return str(default.get("class_path", ""))
    return as_text(default) if isinstance(default, type) and default is not EMPTY else ""


def is_same(one: str, other: str) -> bool:
    """Whether two classes are the same; a name without a module means any of that name."""
    if last_name(one) != last_name(other):
        return False
    if "." in one and "." in other:
        with suppress(ImportError):
            return import_object(moved_class(one)) is import_object(moved_class(other))
    return True


def last_name(path: str) -> str:
    """The last part of a class path."""
    return path.rpartition(".")[2]


def is_equal(value: Any, default: Any) -> bool:
    """Whether a parsed value is a default; of classes, their own arguments are not compared."""
    if isinstance(value, Namespace):
        path = default.get("class_path", "") if isinstance(default, Mapping) else default
        path = as_text(path) if isinstance(path, type) else path
        return "class_path" in value and isinstance(path, str) and is_same(path, value.class_path)
    if isinstance(value, list | tuple):
        return isinstance(default, list | tuple) and list(value) == list(default)
    return bool(str(value) == str(default) if isinstance(value, Path) else value == default)


def as_argument(value: object) -> str:
    """A value as an argument has it; texts without quotes, which would become part of them.

    Raises:
        TypeError: if it cannot be written so.
    """
    if isinstance(value, str):
        return value
    return as_text(value) if isinstance(value, type | Path) else json.dumps(value, default=as_text)


def as_text(value: object) -> str:
    """A class or a path as a text.

    Raises:
        TypeError: if it is neither.
    """
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} cannot be written as an argument")
