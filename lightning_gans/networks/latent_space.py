"""The vectors that a generator's images are made from, z or w, and how each is truncated.

Points of both spaces are tensors: z are (N, latent_dim), w of all layers (N, L, style_dim).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from lightning_gans.components.noise import Noise
from lightning_gans.networks.base import Generator
from lightning_gans.networks.styles import StyleGenerator


class LatentSpace(ABC):
    """The space of the points that a generator makes its images from.

    Attributes:
        name: "z" or "w".
        shape: shape of a point.
        weakest: the value of ``truncation`` from which on it changes next to nothing.
    """

    name: str
    shape: tuple[int, ...]
    weakest: float

    @abstractmethod
    def check_truncation(self, truncation: float) -> None:
        """Check a value of ``truncation``.

        Raises:
            ValueError: if it is out of range.
        """

    @abstractmethod
    def points(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Return the points of z (N, latent_dim); points of this space are returned as they are."""

    @abstractmethod
    def truncated(self, points: Tensor, truncation: float) -> Tensor:
        """Return points with less variety, of the same shape.

        Raises:
            InputError: if the noise cannot be truncated.
        """

    @abstractmethod
    def images(self, points: Tensor, labels: Tensor | None) -> Tensor:
        """Return images (N, C, H, W) of points of this space, on the generator's device."""

    @abstractmethod
    def describe_truncation(self, truncation: float) -> str:
        """What a truncation does, in a sentence for the page."""


class NoiseSpace(LatentSpace):
    """The space of z, for generators without a mapping network.

    Truncation is that of the prior: each entry of z is moved into [-truncation, truncation] (Brock et al., 2019,
    section 3.1).

    Args:
        generator: makes images of z.
        noise: the distribution of z.
    """

    name = "z"

    def __init__(self, generator: Generator, noise: Noise) -> None:
        self.generator, self.noise = generator, noise
        self.shape = (generator.latent_dim,)
        self.weakest = noise.typical_bound

    def check_truncation(self, truncation: float) -> None:
        """Check that the bound is positive.

        Raises:
            ValueError: if not.
        """
        if not truncation > 0:
            raise ValueError(f"truncation is {truncation}; expected a positive number, the bound of entries of z")

    def points(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Return ``latent`` (N, latent_dim)."""
        return latent

    def truncated(self, points: Tensor, truncation: float) -> Tensor:
        """Return z (N, latent_dim) within the bound; see :meth:`.Noise.truncated`."""
        return self.noise.truncated(points, truncation)

    def images(self, points: Tensor, labels: Tensor | None) -> Tensor:
        """Return images of z (N, latent_dim)."""
        images: Tensor = self.generator(points, labels)
        return images

    def describe_truncation(self, truncation: float) -> str:
        """The range of the entries."""
        return f"Latent vectors are within ±{truncation:g}"


class StyleSpace(LatentSpace):
    r"""The space of w, for generators with a mapping network.

    Truncation is towards the mean w, :math:`\bar w + \psi (w - \bar w)` with :math:`\psi` from -1 to 1 (Karras et al.,
    2019, section 3.2 and figure 8).

    Args:
        generator: maps z to w, and makes images of w.
    """

    name = "w"
    weakest = 1.0

    def __init__(self, generator: StyleGenerator) -> None:
        self.generator = generator
        self.shape = (generator.style_layers, len(generator.style_mean))

    def check_truncation(self, truncation: float) -> None:
        """Check that psi is from -1 to 1.

        Raises:
            ValueError: if not.
        """
        if not -1 <= truncation <= 1:
            raise ValueError(
                f"truncation is {truncation}; expected -1 to 1, the factor of the distance of w from its mean, for a "
                "generator with a mapping network"
            )

    def points(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Return w of all layers (N, L, style_dim)."""
        return self.generator.map_latent(latent, labels) if latent.ndim == 2 else latent

    def truncated(self, points: Tensor, truncation: float) -> Tensor:
        """Return w moved towards its mean; see :meth:`.StyleGenerator.truncate`."""
        return self.generator.truncate(points, truncation)

    def images(self, points: Tensor, labels: Tensor | None) -> Tensor:
        """Return images of w (N, L, style_dim)."""
        return self.generator.synthesize(points)

    def describe_truncation(self, truncation: float) -> str:
        """The factor of the distance from the mean."""
        return f"Styles have {truncation:g} of their distance from the mean style"


def latent_space(generator: Generator, noise: Noise) -> LatentSpace:
    """Return the space of w if the generator has a mapping network, else that of z.

    Args:
        generator: the generator.
        noise: the distribution of z.
    """
    return StyleSpace(generator) if isinstance(generator, StyleGenerator) else NoiseSpace(generator, noise)
