"""Construction of networks and noise from the class paths and arguments in a checkpoint or a ``config.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser
from torch import nn

from lightning_gans.components.noise import Noise
from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, MakeTranslator, Translator

ClassConfig = Mapping[str, Any]
"""A ``class_path`` and its ``init_args``."""


def build_generator(config: ClassConfig) -> Generator:
    """Build a generator from noise, with random weights.

    Raises:
        ValueError: if ``config`` is not that of a generator, or its class cannot be built here.
    """
    network = _build("generator", Generator, Generator, config)
    assert isinstance(network, Generator)
    return network


def build_noise(config: ClassConfig) -> Noise:
    """Build a distribution of latent vectors.

    Raises:
        ValueError: if ``config`` is not that of a noise class, or its class cannot be built here.
    """
    noise = _build("noise", Noise, Noise, config)
    assert isinstance(noise, Noise)
    return noise


def build_translator(network: ClassConfig, channels_in: int, channels_out: int, size: Size) -> Translator:
    """Build a generator from images, with random weights.

    Args:
        network: class path and arguments of the network.
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the training images in pixels, or one number for a square.

    Raises:
        ValueError: if ``network`` is not the config of a translator, or its class cannot be built here.
    """
    with torch.random.fork_rng(devices=[]):
        translator = _build("network", Translator, MakeTranslator, network)(channels_in, channels_out, size)
    assert isinstance(translator, Translator)
    return translator


def _build(name: str, base: type, expected: Any, config: ClassConfig) -> Any:
    """Build an object with the parser of the command line, which checks the types and names of the arguments.

    Args:
        name: name of the object, for messages.
        base: class that the class path has to be a subclass of.
        expected: type for the parser.
        config: class path and arguments.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"{name} is {config!r}; expected a class_path and its init_args")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=expected)
    try:
        _check_class_paths(config, base)
        with torch.random.fork_rng(devices=[]):  # loading a model must not change what a script draws afterwards
            return parser.instantiate_classes(parser.parse_object({name: dict(config)}))[name]
    except (ArgumentError, TypeError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{name} is {config.get('class_path', 'nothing')}, which cannot be built here ({reason}); expected a class "
            "that can be imported, and valid arguments"
        ) from error


def _check_class_paths(config: ClassConfig, base: type) -> None:
    """Reject class paths through which a file from elsewhere could run code.

    Where a callable is expected, as for a translator, the parser would call any function with the ``init_args`` to find
    its return type, ``os.system`` too.

    Raises:
        TypeError: if the class is not a ``base``, or a class among its arguments is not a network, layer or noise.
    """
    for path, allowed in _class_paths(config, (base,)):
        module, _, name = str(path).rpartition(".")
        found = getattr(import_module(module), name, None) if module else None
        if not isinstance(found, type) or not issubclass(found, allowed):
            raise TypeError(f"{path} is not a {' or '.join(kind.__name__ for kind in allowed)}")


def _class_paths(node: Any, allowed: tuple[type, ...]) -> Iterator[tuple[Any, tuple[type, ...]]]:
    """All class paths in a config, each with its allowed base classes."""
    if isinstance(node, Mapping):
        if "class_path" in node:
            yield node["class_path"], allowed
        for value in node.values():
            yield from _class_paths(value, (nn.Module, Noise))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _class_paths(value, (nn.Module, Noise))
