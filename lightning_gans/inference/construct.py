"""Construction of networks and noise from the class paths and arguments in a checkpoint or a ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser
from torch import nn

from lightning_gans.components.class_paths import check_class_paths
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
        check_class_paths(config, outer=(base,), inner=(nn.Module, Noise))
        with torch.random.fork_rng(devices=[]):  # loading a model must not change what a script draws afterwards
            return parser.instantiate_classes(parser.parse_object({name: dict(config)}))[name]
    except (ArgumentError, TypeError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{name} is {config.get('class_path', 'nothing')}, which cannot be built here ({reason}); expected a class "
            "that can be imported, and valid arguments"
        ) from error
