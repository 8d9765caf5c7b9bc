"""Construction of networks and noise from the class paths and arguments in a checkpoint or a ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch

from lightning_gans.components.building import Builder
from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.components.noise import Noise
from lightning_gans.core.arguments import short_text
from lightning_gans.core.errors import short_reason
from lightning_gans.core.images import Size, height_width
from lightning_gans.networks.base import Generator, Translator

ClassConfig = Mapping[str, Any]
"""A ``class_path`` and its ``init_args``."""

MOST_CHANNELS = 4096
"""Channels of images of a translator, as a bound for files from elsewhere."""

LARGEST_SIDE = 16384
"""Height or width in pixels of the training images of a translator, as a bound for files from elsewhere."""

T = TypeVar("T")


def build_generator(config: ClassConfig, trust: Trust = NO_TRUST) -> Generator:
    """Build a generator from noise, with random weights.

    Args:
        config: class path and arguments of the network.
        trust: classes that may be named beside those of this package and of torch.

    Raises:
        ValueError: if ``config`` is not that of a generator, or its class cannot be built here.
    """
    return _build("generator", Generator, config, trust)  # type: ignore[type-abstract]


def build_noise(config: ClassConfig, trust: Trust = NO_TRUST) -> Noise:
    """Build a distribution of latent vectors; see :func:`build_generator`.

    Raises:
        ValueError: if ``config`` is not that of a noise class, or its class cannot be built here.
    """
    return _build("noise", Noise, config, trust)  # type: ignore[type-abstract]


def build_translator(
    network: ClassConfig, channels_in: int, channels_out: int, size: Size, trust: Trust = NO_TRUST
) -> Translator:
    """Build a generator from images, with random weights.

    Args:
        network: class path and arguments of the network.
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the training images in pixels, or one number for a square.
        trust: see :func:`build_generator`.

    Raises:
        ValueError: if ``network`` is not the config of a translator, or its class cannot be built here.
    """
    builder = Builder(trust)
    sides = builder.convert("size", size, Size)
    if max(height_width(sides)) > LARGEST_SIDE:
        raise ValueError(f"size is {short_text(size)}; expected at most {LARGEST_SIDE}")
    channels = {"channels_in": channels_in, "channels_out": channels_out}
    for name, count in channels.items():
        if not 1 <= builder.convert(name, count, int) <= MOST_CHANNELS:
            raise ValueError(f"{name} is {short_text(count)}; expected 1 to {MOST_CHANNELS}")
    try:
        with torch.random.fork_rng(devices=[]):
            return builder.build_maker("network", network, Translator)(channels_in, channels_out, sides)  # type: ignore[type-abstract]
    except Exception as error:
        raise _not_built("network", network, error) from error


def _build(name: str, base: type[T], config: ClassConfig, trust: Trust) -> T:
    try:
        with torch.random.fork_rng(devices=[]):  # loading a model must not change what a script draws afterwards
            return Builder(trust).build(name, config, base)
    except Exception as error:
        raise _not_built(name, config, error) from error


def _not_built(name: str, config: ClassConfig, error: Exception) -> Exception:
    """The error that an object cannot be built; constructors raise errors of many types for arguments of a stranger."""
    if not isinstance(config, Mapping) or not isinstance(config.get("class_path"), str):
        return ValueError(f"{name} is {short_text(config)}; expected a class_path and its init_args")
    reason = short_reason(error)
    return ValueError(
        f"{name} is {short_text(config['class_path'])[1:-1]}, which cannot be built here ({reason}); expected a class "
        "that can be imported, and valid arguments"
    )
