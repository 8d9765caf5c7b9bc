"""What a network must say of itself, so that families and data can be fitted together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError


class Generator(nn.Module, ABC):
    """Maps noise, and labels where the network is conditional, to images.

    Attributes:
        latent_dim: length of z.
        channels: channels of the images.
        size: height and width of the images, in pixels.
        num_classes: labels that a conditional network tells apart; 0 where it ignores them.
    """

    latent_dim: int
    channels: int
    size: int
    num_classes: int = 0

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim) and ``labels`` (N,) int64.

        Labels may also be shares of classes, (N, num_classes) floats that add up to 1.
        """


class Discriminator(nn.Module, ABC):
    """Maps images, and labels where the network is conditional, to logits.

    Attributes:
        channels: channels of the images.
        size: height and width of the images, in pixels.
        num_classes: labels that a conditional network tells apart; 0 where it ignores them.
        joint_batch_safe: real and generated images may share a pass, which is faster in dense layers. Only where an
            image's logit depends on that image alone, and on nothing that is drawn at random.
    """

    channels: int
    size: int
    num_classes: int = 0
    joint_batch_safe: bool = False

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,), high for real, of ``images`` (N, channels, size, size) in [-1, 1]."""


class Stage(NamedTuple):
    """One of several consecutive parts of a translator, whose output sides are those of its input times ``scale``.

    Attributes:
        module: maps feature maps (N, C, H, W) to (N, C', H * scale, W * scale).
        margin: how far, in input pixels, an output pixel depends on the input above, below, left and right of its own
            position, while the statistics of normalization layers are fixed.
        scale: output side divided by input side.
        multiple: input sides, and the offsets of tiles cut from the input, have to be multiples of this number.
    """

    module: nn.Module
    margin: int
    scale: Fraction = Fraction(1)
    multiple: int = 1


class Translator(nn.Module, ABC):
    """Maps images of one domain to images of another, of the same height and width.

    A family builds its translators itself, with ``channels_in``, ``channels_out`` and ``size``, in this order.
    Of pictures of another size it is given tiles, and may say by :meth:`stages` how to make of them what it would make
    of the whole.

    Attributes:
        channels_in: channels of the images it is given.
        channels_out: channels of the images it makes.
    """

    channels_in: int
    channels_out: int

    def stages(self) -> list[Stage]:
        """The network cut into parts that follow on each other, each of which sees a few pixels far.

        Returns:
            The parts; none where the network cannot be cut so.
        """
        return []

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Images (N, channels_out, H, W) in [-1, 1] from ``images`` (N, channels_in, H, W) in [-1, 1]."""


class IdentityTranslator(Translator):
    """Gives back what it is given, but for a gain of 1 that it could train.

    Args:
        channels_in: channels of the images it is given.
        channels_out: the same number.
        size: height and width; any.

    Raises:
        InputError: if the domains' channels differ.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        if channels_in != channels_out:
            raise InputError(
                "model.generator is IdentityTranslator, but the domains have "
                f"{channels_in} and {channels_out} channels; expected equal channels"
            )
        self.channels_in = self.channels_out = channels_in
        self.size = size
        # An optimizer refuses to have nothing to train.
        self.gain = nn.Parameter(torch.ones(()))

    def stages(self) -> list[Stage]:
        """One, which sees a single pixel."""
        return [Stage(self, margin=0)]

    def forward(self, images: Tensor) -> Tensor:
        """The images (N, C, H, W)."""
        return self.gain * images


MakeTranslator = Callable[[int, int, int], Translator]
"""Channels of the images it is given, of those it makes, and their height and width to a generator."""


class PatchDiscriminator(nn.Module, ABC):
    """Maps images to one logit for each of many patches.

    A family builds its discriminators itself, with ``channels`` as the first argument.

    Attributes:
        channels: channels of what it is given: an image's, or those of a pair side by side.
    """

    channels: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 1, h, w), high for real, of ``images`` (N, channels, H, W) in [-1, 1]."""
