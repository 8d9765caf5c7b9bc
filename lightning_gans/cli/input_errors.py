"""Reports invalid input in one sentence: the key on the command line, its value, what was expected, and the file.

jsonargparse raises errors without fields: the key, the value and the type are in the message only, which has a line for
every type that the key may have. Each pattern below is tested with the installed version; a report that matches none is
printed as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jsonargparse import ArgumentParser

from lightning_gans.cli.config_arguments import read_config
from lightning_gans.cli.known_names import other_name
from lightning_gans.core.names import did_you_mean, similar_names

_REFUSED_KEY = re.compile(r"(?:Option|Key) ['\"](.+?)['\"] is not (?:accepted|expected)")
_UNRECOGNIZED = re.compile(r"unrecognized arguments: --([^\s=]+)", re.IGNORECASE)
_NO_CLASS = re.compile(
    r"(?:Expected a dot import path string|Unexpected import path format): (.*?)(?:\. Got value: Namespace\(.*)?$",
    re.MULTILINE,
)
_OTHER_CLASS = re.compile(
    r"(?:Expected '|Import path )([\w.]+)'? (?:to be|does not correspond to) a subclass of (?:<class ')?([\w.]*\w)"
)
_NOT_IMPORTED = re.compile(
    r"given class_path '([\w.]+)':\s+"
    r"(No module named '[\w.]+'|module '[\w.]+' has no attribute '\w+'|cannot import name '\w+' from '[\w.]+')"
)
_AMBIGUOUS = re.compile(r"Multiple subclasses with name (\S+)\. Give the full class path to avoid ambiguity: (.+)\.")
_MISSING = re.compile(r"the following arguments are required: ([\w.]+(?:, [\w.]+)*)")
_TYPE = re.compile(r"<class '([\w.]+)'>|tuple\[([\w, ]+)\]|Literal\[([^\]]+)\]|Expected a tuple with (\d+) elements")
_UNION = re.compile(r"Subtypes: \[(.+)\]\s+Errors:")
# A callable's report is in the same line as that of its argument.
_VALUE = re.compile(r"Got value: (.*?)(?:\. Got value: Namespace\(.*)?$", re.MULTILINE)
_VALUE_OF_UNION = re.compile(r"Given value: (?!NestedArg|Namespace)(.*)")

_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping of keys to values",
    "NoneType": "null",
    "datetime.timedelta": "a time such as 1:30:00",
}
"""What users call the types of values."""

_NO_VALUES = ("none", "no", "off", "false", "nil")
"""What users may write for null where a class is expected."""

_LIBRARIES = ("torch.optim", "torch.optim.lr_scheduler", "lightning.pytorch.loggers", "lightning.pytorch.callbacks")
"""Modules of libraries whose classes are suggested too."""


def summarize_parser_error(report: str, words: Iterable[str], configs: Iterable[str]) -> str:
    """Summarize a report in one sentence.

    Args:
        report: the parser's message, of many lines.
        words: known keys and classes, to suggest one for a misspelled name.
        configs: paths of the configs on the command line; the one that sets the invalid key is named.

    Returns:
        The sentence.
    """
    path, inner = _innermost(report)
    sentence = _sentence(path, inner, words, configs) or _sentence(path, report, words, configs)
    return sentence or " ".join(report.split())


def _sentence(path: str, report: str, words: Iterable[str], configs: Iterable[str]) -> str | None:
    """What a part of a report says of the key at ``path``; None if it matches no pattern."""
    if match := _UNRECOGNIZED.search(report):
        return f"{match[1]} is not a known key{_suggestion(match[1], words)}"
    if match := _REFUSED_KEY.search(report):
        key = ".".join(filter(None, (path, match[1])))
        return f"{key} is not a known key{_suggestion(match[1], words, key)}{config_that_sets(key, configs)}"
    if match := _NO_CLASS.search(report):
        place = config_that_sets(path, configs, match[1])
        if match[1] in words:
            return f"{path} is {match[1]}, a class of another kind than is expected there{place}"
        classes = [word for word in words if word[:1].isupper()]
        hint = "; write null for none" if match[1].lower() in _NO_VALUES else _suggestion(match[1], classes)
        return f"{path} is {_visible(match[1])}, which is no known class{hint}{place}"
    if match := _OTHER_CLASS.search(report):
        return f"{path} is {match[1]}; expected a subclass of {match[2]}{config_that_sets(path, configs, match[1])}"
    if match := _NOT_IMPORTED.search(report):
        place = config_that_sets(path, configs, match[1])
        return f"{path} is {match[1]}, which cannot be imported here ({match[2]}){place}"
    if match := _AMBIGUOUS.search(report):
        place = config_that_sets(path, configs, match[1])
        return f"{path} is {match[1]}, the name of several classes; expected one of {match[2]}{place}"
    if match := _MISSING.search(report):
        # Without a path the keys begin with the subcommand.
        names = [f"{path}.{name}" if path else name.partition(".")[2] or name for name in match[1].split(", ")]
        return f"{', '.join(names)} must be given, on the command line or in a config (`lightning-gans configs`)"
    if path and (refused := _wrong_type(report)):
        value, expected = refused
        form = _list_form(value, expected)
        return f"{path} is {_visible(value)}; expected {expected}{form}{config_that_sets(path, configs, value)}"
    return None


def _innermost(report: str) -> tuple[str, str]:
    """The path of the innermost key of a report, and the part of the report about it.

    A key that may have several types has a part for each. The first part tells most, as it has the keys within.
    """
    keys: list[str] = []
    start = indent = -1
    end = len(report)
    for match in re.finditer(r'^(.*?)Parser key "([^"]+)"', report, re.MULTILINE):
        if len(match[1]) <= indent:
            break
        keys.append(match[2])
        start, indent = match.end(1), len(match[1])
    if keys and (after := re.compile(rf"\n {{0,{max(0, indent - 3)}}}- ").search(report, start)):
        end = after.start()
    return ".".join(keys), report[max(0, start) : end]


def _wrong_type(report: str) -> tuple[str, str] | None:
    """The value that a report of one key refuses for its type, and what was expected in its place."""
    union = _UNION.search(report)
    match = (_VALUE_OF_UNION if union else _VALUE).search(report)
    types = _TYPE.findall(union[1] if union else report[: match.start()] if match else "")
    return (match[1], _type_names(types)) if match and types else None


def _list_form(value: str, expected: str) -> str:
    """How a list is written, where a value that is none was given for one: "0.5,0.9" or "0.5" for [0.5, 0.9]."""
    parts = [part for part in re.split(r"[\s,]+", value.strip("() ")) if part]
    if "a list" not in expected or value[:1] in ("[", "{") or not parts:
        return ""
    if len(parts) > 1:
        return f", written [{', '.join(parts)}]"
    return f", written [{parts[0]}, ...]" if expected.startswith("a list") else ""


def _visible(value: str) -> str:
    return value if value.strip() else repr(value)


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
    """The names of keys, of our classes and those of libraries that a config may name, and of ours' arguments."""
    options = set(parser.get_defaults(skip_validation=True).keys(branches=True))
    classes = [
        item
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").partition(".")[0] == "lightning_gans"
        and not module.__name__.startswith("lightning_gans.sweeps")  # no config has those
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__.partition(".")[0] == "lightning_gans"
    ]
    arguments = {
        name
        for item in classes
        for base in item.__mro__
        for name in getattr(vars(base).get("__init__"), "__annotations__", ())
    }
    modules = [vars(sys.modules[name]) for name in _LIBRARIES if name in sys.modules]
    theirs = {name for module in modules for name, item in module.items() if isinstance(item, type)}
    return options | {item.__name__ for item in classes} | theirs | (arguments - {"return"})


def _suggestion(word: str, words: Iterable[str], key: str | None = None) -> str:
    """The end of a message about an unknown name.

    Args:
        word: the name.
        words: known ones.
        key: path of the key, if it is one that is unknown.
    """
    known = set(words) - {word.rpartition(".")[2]}
    return did_you_mean(other_name(key or word) or similar_names(word, known))


def config_that_sets(key: str, configs: Iterable[str], value: str | None = None) -> str:
    """Name the last config that sets a key.

    Args:
        key: path of the key, or its last part alone.
        configs: paths of configs.
        value: if given, only configs that set the key to this value count.

    Returns:
        `` (in FILE)``, or nothing if the key was set on the command line.
    """
    end = f".{key}".replace(".init_args", "")
    holding = [
        config
        for config in configs
        if any(path.endswith(end) and value in (None, str(held)) for path, held in _entries(read_config(config)))
    ]
    return f" (in {holding[-1]})" if holding else ""


def _entries(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All keys with their values, at any depth, as ``.model.penalty.gamma``; the value of a class is its class path."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            below = path if key == "init_args" else f"{path}.{key}"
            yield below, value.get("class_path", value) if isinstance(value, Mapping) else value
            yield from _entries(value, below)
    elif isinstance(node, list):
        for item in node:
            yield from _entries(item, path)
