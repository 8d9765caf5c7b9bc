"""Networks and noise from the plain data that a checkpoint or a ``config.json`` describes them by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser
from torch import nn

from lightning_gans.components.noise import Noise
from lightning_gans.core.errors import InputError
from lightning_gans.networks.base import Generator, MakeTranslator, Translator

ClassConfig = Mapping[str, Any]
"""A ``class_path`` and its ``init_args``."""


def build_generator(described: ClassConfig) -> Generator:
    """A generator from noise, with random weights.

    Raises:
        InputError: if it describes none that can be built here.
    """
    network = _built("generator", Generator, Generator, described)
    assert isinstance(network, Generator)
    return network


def build_noise(described: ClassConfig) -> Noise:
    """A distribution of latent vectors.

    Raises:
        InputError: if it describes none that can be built here.
    """
    noise = _built("noise", Noise, Noise, described)
    assert isinstance(noise, Noise)
    return noise


def build_translator(network: ClassConfig, channels_in: int, channels_out: int, size: int) -> Translator:
    """A generator from images, with random weights.

    Raises:
        InputError: if it describes none that can be built here.
    """
    with torch.random.fork_rng(devices=[]):
        translator = _built("generator", Translator, MakeTranslator, network)(channels_in, channels_out, size)
    assert isinstance(translator, Translator)
    return translator


def _built(key: str, base: type, kind: Any, described: ClassConfig) -> Any:
    """What is described, by the parser that the command line builds its models with: it checks types and names."""
    if not isinstance(described, Mapping):
        raise InputError(f"the {key} is described as {described!r}; expected a class_path and its init_args")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{key}", type=kind)
    try:
        _refuse_what_is_no_network(described, base)
        with torch.random.fork_rng(devices=[]):  # a script that loads a model goes on drawing as it would have
            return parser.instantiate_classes(parser.parse_object({key: dict(described)}))[key]
    except (ArgumentError, TypeError, ValueError, ImportError) as error:
        what = described.get("class_path", "nothing")
        reason = " ".join(str(error).split())
        raise InputError(
            f"the {key} is described as {what}, which cannot be built here ({reason}); expected a class that can be "
            "imported, with the arguments that it takes"
        ) from error


def _refuse_what_is_no_network(described: ClassConfig, base: type) -> None:
    """Refuse class paths that a stranger's file could run code by.

    Where something callable is expected, as for a translator, the parser would call any function with the ``init_args``
    to see what it gives, ``os.system`` too.

    Raises:
        TypeError: if the class is no ``base``, or one among its arguments no network, layer or noise.
    """
    for path, allowed in _class_paths(described, (base,)):
        module, _, name = str(path).rpartition(".")
        found = getattr(import_module(module), name, None) if module else None
        if not isinstance(found, type) or not issubclass(found, allowed):
            raise TypeError(f"{path} is no {' or '.join(kind.__name__ for kind in allowed)}")


def _class_paths(node: Any, allowed: tuple[type, ...]) -> Iterator[tuple[Any, tuple[type, ...]]]:
    """All class paths in a description, each with what it may be."""
    if isinstance(node, Mapping):
        if "class_path" in node:
            yield node["class_path"], allowed
        for value in node.values():
            yield from _class_paths(value, (nn.Module, Noise))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _class_paths(value, (nn.Module, Noise))
