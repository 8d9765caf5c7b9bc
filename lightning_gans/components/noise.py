"""Distributions of the latent vector z, and paths between two latent vectors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.randomness import derive_seed


class Noise(ABC):
    """A distribution with independent, identically distributed entries."""

    @abstractmethod
    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """Latents of this distribution, each entry moved into [-bound, bound] so that its quantile stays.

        So they have the distribution under the condition that all entries are within the bound, the truncation trick of
        Brock et al., 2019 (section 3.1), and change smoothly with the bound.

        Args:
            latent: drawn from this distribution.
            bound: positive.

        Raises:
            InputError: if this is not known of a distribution.
        """
        raise InputError(f"{type(self).__name__} cannot be truncated; expected NormalNoise or UniformNoise")


class NormalNoise(Noise):
    """Standard normal."""

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.randn(shape, generator=generator, device=generator.device)

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """As in :meth:`Noise.truncated`."""
        below = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64, device=latent.device))
        quantile = torch.special.ndtr(latent.double())
        moved: Tensor = torch.special.ndtri(below + quantile * (1 - 2 * below)).clamp(-bound, bound)
        return moved.to(latent)


class UniformNoise(Noise):
    """Uniform in [-bound, bound].

    Args:
        bound: 1 as in DCGAN; sqrt(3) gives unit variance, as in Goodfellow's code.

    Raises:
        ValueError: if ``bound`` is not positive and finite.
    """

    def __init__(self, bound: float = 1.0) -> None:
        if not (bound > 0 and math.isfinite(bound)):
            raise ValueError(f"bound is {bound}; expected a positive number")
        self.bound = bound

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.rand(shape, generator=generator, device=generator.device).mul_(2).sub_(1).mul_(self.bound)

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """As in :meth:`Noise.truncated`."""
        return latent * min(1.0, bound / self.bound)


def latents(noise: Noise, length: int, seed: int, pictures: Iterable[int]) -> Tensor:
    """The latent vectors of numbered pictures, (N, length) float32 on the CPU.

    Picture 7 of seed 0 has the same latent vector whatever is asked for beside it, in batches of whatever size, on
    however many processes and on every device: in evaluation, in ``predict``, in ``sample`` and wherever else.

    Args:
        noise: their distribution.
        length: that of a vector.
        seed: what all pictures of one set share.
        pictures: their numbers.
    """
    generator = torch.Generator()
    drawn = [
        noise.sample((1, length), generator.manual_seed(derive_seed(seed, "evaluation", number))) for number in pictures
    ]
    return torch.cat(drawn) if drawn else torch.empty(0, length)


Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Starts (N, D), ends (N, D) and positions (T,) in [0, 1] to points (N, T, D)."""


def linear(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    """Points (N, T, D) on the straight lines from ``starts`` (N, D) to ``ends`` (N, D)."""
    places = positions.double()[:, None]
    return ((1 - places) * starts.double()[:, None] + places * ends.double()[:, None]).to(starts)


def spherical(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    r"""Points (N, T, D) on the arcs from ``starts`` (N, D) to ``ends`` (N, D), at constant speed.

    White, 2016, section 2.1: :math:`\frac{\sin((1 - t)\theta)}{\sin\theta} z_0 + \frac{\sin(t\theta)}{\sin\theta} z_1`
    with the angle :math:`\theta` between both. If both ends have one norm, all points have it. Where the ends lie on
    one line through 0, which has no arc or any, the points are on that line.
    """
    start, end = starts.double()[:, None], ends.double()[:, None]
    norms = torch.linalg.vector_norm(start, dim=2, keepdim=True) * torch.linalg.vector_norm(end, dim=2, keepdim=True)
    angle = ((start * end).sum(dim=2, keepdim=True) / norms).clamp(-1, 1).arccos()
    places = positions.double()[:, None]
    arc = (((1 - places) * angle).sin() * start + (places * angle).sin() * end) / angle.sin()
    return torch.where(angle.sin() > 1e-6, arc, linear(start[:, 0], end[:, 0], positions)).to(starts)


def interpolation_for(noise: Noise) -> Interpolation:
    """The path whose points are as likely as its ends: on the sphere where normal noise lies, else straight.

    In many dimensions nearly all standard normal vectors have a norm around the root of D; the middle of a straight
    line is shorter than any that the generator has seen. In the cube of uniform noise straight lines stay inside.
    """
    return spherical if isinstance(noise, NormalNoise) else linear
