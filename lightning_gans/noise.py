"""Distributions of the latent vector z."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from lightning_gans.errors import InputError


class Noise(ABC):
    """A distribution with independent, identically distributed entries."""

    @abstractmethod
    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""


class NormalNoise(Noise):
    """Standard normal."""

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.randn(shape, generator=generator, device=generator.device)


class UniformNoise(Noise):
    """Uniform in [-bound, bound].

    Args:
        bound: 1 as in DCGAN; sqrt(3) gives unit variance, as in Goodfellow's code.

    Raises:
        InputError: if ``bound`` is not positive and finite.
    """

    def __init__(self, bound: float = 1.0) -> None:
        if not (bound > 0 and math.isfinite(bound)):
            raise InputError(f"model.noise.bound is {bound}; expected a positive number")
        self.bound = bound

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.rand(shape, generator=generator, device=generator.device).mul_(2).sub_(1).mul_(self.bound)
