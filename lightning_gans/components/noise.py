"""Distributions of the latent vector z, and paths between two latent vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.randomness import derive_seed

LARGEST = 1e38
"""Bound of the values of latent vectors, which are float32."""


class Noise(StoresArguments, ABC):
    """A distribution of latent vectors."""

    def __init__(self) -> None:
        """Create the object."""

    @abstractmethod
    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """Map latents of this distribution to the distribution truncated to [-bound, bound], quantile by quantile.

        The result is distributed as latents all of whose entries are within the bound (the truncation trick of Brock et
        al., 2019, section 3.1), and is a continuous function of the bound.

        Args:
            latent: latents drawn from this distribution, of any shape.
            bound: largest absolute value of an entry, positive.

        Returns:
            Latents of the same shape.

        Raises:
            InputError: if the class does not implement this.
        """
        raise InputError(f"{type(self).__name__} cannot be truncated; expected NormalNoise or UniformNoise")

    @property
    def typical_bound(self) -> float:
        """The bound from which on truncation changes next to nothing: few or no entries of latents are beyond it."""
        return 3.0


class NormalNoise(Noise):
    """The standard normal distribution."""

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.randn(shape, generator=generator, device=generator.device)

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """As in :meth:`Noise.truncated`."""
        below = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64))
        quantile = torch.special.ndtr(_cpu_double(latent))
        moved: Tensor = torch.special.ndtri(below + quantile * (1 - 2 * below)).clamp(-bound, bound)
        return moved.to(latent)


class UniformNoise(Noise):
    """The uniform distribution on [low, high].

    The default is that of DCGAN. -sqrt(3) and sqrt(3) give unit variance, as in the code of Goodfellow et al. (2014); 0
    and 1 the unit cube of Mirza and Osindero (2014).

    Args:
        low: smallest value.
        high: largest value.

    Raises:
        ValueError: if ``low`` is not less than ``high``, or not both are finite in float32.
    """

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        if not (-LARGEST <= low < high <= LARGEST):
            raise ValueError(f"low is {low} and high is {high}; expected two finite numbers, low less than high")
        self.low, self.high = low, high

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device."""
        return torch.empty(shape, device=generator.device).uniform_(self.low, self.high, generator=generator)

    @property
    def typical_bound(self) -> float:
        """The largest absolute value of an entry."""
        return max(abs(self.low), abs(self.high))

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """As in :meth:`Noise.truncated`.

        Raises:
            InputError: if the distribution has no values within the bound.
        """
        low, high = max(self.low, -bound), min(self.high, bound)
        if low >= high:
            raise InputError(f"truncation is {bound}, but all entries are from {self.low:g} to {self.high:g}")
        return low + (latent - self.low) * ((high - low) / (self.high - self.low))


class CodedNoise(Noise):
    """Noise, then codes, in one vector: the latent vector of InfoGAN (Chen et al., 2016).

    A categorical code of K values is a one-hot vector of K entries, and its values are equally likely. A continuous
    code is uniform on [-1, 1]. The categorical codes come first, after the noise.

    Args:
        categories: number of values of each categorical code, at least 2.
        continuous: number of continuous codes.
        noise: distribution of the entries before the codes; None for the uniform distribution on [-1, 1].

    Raises:
        ValueError: if a number is out of range, or there is no code.
    """

    def __init__(self, categories: Sequence[int] = (10,), continuous: int = 2, noise: Noise | None = None) -> None:
        if any(count < 2 for count in categories):
            raise ValueError(f"categories is {list(categories)}; expected numbers of values, each at least 2")
        at_least("continuous", continuous, 0)
        if not categories and not continuous:
            raise ValueError("categories is [] and continuous is 0; expected at least one code")
        self.categories, self.continuous = tuple(categories), continuous
        self.noise = UniformNoise() if noise is None else noise

    @property
    def length(self) -> int:
        """The number of entries of all codes."""
        return sum(self.categories) + self.continuous

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """A float32 tensor of ``shape`` on the generator's device, whose last dimension is the latent vector.

        Raises:
            ValueError: if the latent vector has fewer entries than the codes.
        """
        *counts, length = shape
        if length < self.length:
            raise ValueError(f"a latent vector has {length} entries; expected at least {self.length}, as of the codes")
        parts = [self.noise.sample((*counts, length - self.length), generator)]
        for count in self.categories:
            chosen = torch.randint(count, tuple(counts), generator=generator, device=generator.device)
            parts.append(F.one_hot(chosen, count).float())
        values = torch.empty((*counts, self.continuous), device=generator.device)
        return torch.cat([*parts, values.uniform_(-1, 1, generator=generator)], dim=-1)

    @property
    def typical_bound(self) -> float:
        """That of the entries before the codes."""
        return self.noise.typical_bound

    def truncated(self, latent: Tensor, bound: float) -> Tensor:
        """As in :meth:`Noise.truncated`, for the entries before the codes; the codes do not change.

        Raises:
            InputError: if the distribution of these entries cannot be truncated.
        """
        noise, codes = torch.split(latent, [latent.shape[-1] - self.length, self.length], dim=-1)
        return torch.cat([self.noise.truncated(noise, bound), codes], dim=-1)


def split_codes(latent: Tensor, categories: Sequence[int], continuous: int) -> tuple[list[Tensor], Tensor]:
    """The codes at the end of latent vectors.

    Args:
        latent: (N, D), of :class:`CodedNoise`.
        categories: number of values of each categorical code.
        continuous: number of continuous codes.

    Returns:
        The value of each categorical code, (N,) int64; and the continuous codes (N, continuous).
    """
    codes = latent[:, latent.shape[1] - sum(categories) - continuous :]
    one_hot = torch.split(codes[:, : sum(categories)], list(categories), dim=1) if categories else ()
    return [part.argmax(dim=1) for part in one_hot], codes[:, sum(categories) :]


def latents(noise: Noise, length: int, seed: int, pictures: Iterable[int]) -> Tensor:
    """The latent vectors of numbered images, (N, length) float32 on the CPU.

    A vector depends on the distribution, the seed and the number of its image only: not on the other images, the batch
    size, the number of processes or the device. Evaluation, ``predict``, ``sample`` and the demo all use these vectors.

    Args:
        noise: the distribution.
        length: number of entries of a vector.
        seed: seed of the set of images.
        pictures: numbers of the images.
    """
    generator = torch.Generator()
    drawn = [
        noise.sample((1, length), generator.manual_seed(derive_seed(seed, "evaluation", number))) for number in pictures
    ]
    return torch.cat(drawn) if drawn else torch.empty(0, length)


def _cpu_double(values: Tensor) -> Tensor:
    """Values in float64 on the CPU: Apple's MPS has no float64, and all devices get the same points."""
    return values.cpu().double()


Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps starts (N, D), ends (N, D) and positions (T,) in [0, 1] to points (N, T, D)."""


def linear(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    """Points (N, T, D) on the straight lines from ``starts`` (N, D) to ``ends`` (N, D)."""
    places, start, end = (_cpu_double(part) for part in (positions[:, None], starts[:, None], ends[:, None]))
    return ((1 - places) * start + places * end).to(starts)


def spherical(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    r"""Points (N, T, D) on the arcs from ``starts`` (N, D) to ``ends`` (N, D), at constant speed.

    White, 2016, section 2.1: :math:`\frac{\sin((1 - t)\theta)}{\sin\theta} z_0 + \frac{\sin(t\theta)}{\sin\theta} z_1`
    with the angle :math:`\theta` between start and end. If both have the same norm, all points have it. Where start and
    end are parallel, the angle defines no arc, and the points are those of :func:`linear`.
    """
    places, start, end = (_cpu_double(part) for part in (positions[:, None], starts[:, None], ends[:, None]))
    norms = torch.linalg.vector_norm(start, dim=2, keepdim=True) * torch.linalg.vector_norm(end, dim=2, keepdim=True)
    angle = ((start * end).sum(dim=2, keepdim=True) / norms).clamp(-1, 1).arccos()
    arc = (((1 - places) * angle).sin() * start + (places * angle).sin() * end) / angle.sin()
    return torch.where(angle.sin() > 1e-6, arc, linear(start[:, 0], end[:, 0], positions)).to(starts)


def interpolation_for(noise: Noise) -> Interpolation:
    """The interpolation whose points are typical of a distribution: :func:`spherical` for normal noise, else linear.

    In D dimensions nearly all standard normal vectors have a norm close to the square root of D, and the midpoint of a
    line has a smaller one, for which the generator was not trained. Lines within the cube of uniform noise stay in it.
    """
    return spherical if isinstance(noise, NormalNoise) else linear
