"""Networks and noise from the plain data that a checkpoint or a ``config.json`` describes them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser

from lightning_gans.errors import InputError
from lightning_gans.networks.base import Generator, MakeTranslator, Translator
from lightning_gans.noise import Noise

Described = Mapping[str, Any]
"""A ``class_path`` and its ``init_args``."""


def build_generator(described: Described) -> Generator:
    """A generator from noise, with random weights.

    Raises:
        InputError: if it describes none that can be built here.
    """
    network = _built("generator", Generator, described)
    assert isinstance(network, Generator)
    return network


def build_noise(described: Described) -> Noise:
    """A distribution of latent vectors.

    Raises:
        InputError: if it describes none that can be built here.
    """
    noise = _built("noise", Noise, described)
    assert isinstance(noise, Noise)
    return noise


def build_translator(described: Described, channels_in: int, channels_out: int, size: int) -> Translator:
    """A generator from images, with random weights.

    Raises:
        InputError: if it describes none that can be built here.
    """
    with torch.random.fork_rng(devices=[]):
        network = _built("generator", MakeTranslator, described)(channels_in, channels_out, size)
    assert isinstance(network, Translator)
    return network


def _built(key: str, kind: Any, described: Described) -> Any:
    """What is described, by the parser that the command line builds its models with: it checks types and names."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{key}", type=kind)
    try:
        with torch.random.fork_rng(devices=[]):  # a script that loads a model goes on drawing as it would have
            return parser.instantiate_classes(parser.parse_object({key: dict(described)}))[key]
    except (ArgumentError, TypeError, ValueError, ImportError) as error:
        what = described.get("class_path", "nothing")
        reason = " ".join(str(error).split())
        raise InputError(
            f"the {key} is described as {what}, which cannot be built here ({reason}); expected a class that can be "
            "imported, with the arguments that it takes"
        ) from error
