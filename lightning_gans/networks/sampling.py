"""Images of a generator from noise, by seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.noise import Noise, interpolation_for, latents
from lightning_gans.core.errors import at_least
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.networks.base import Generator

Labels = int | Sequence[int] | Tensor | None
"""One class for all images, classes to cycle through, or weights of classes (N, num_classes) float."""

SAMPLING_BATCH = 64
"""Images per forward pass."""


class SamplesFromNoise(ABC):
    """Base class of models that have a generator from noise.

    Attributes:
        noise: distribution of latent vectors.
    """

    noise: Noise

    @property
    @abstractmethod
    def sampled(self) -> Generator:
        """The generator whose images are sampled."""

    def sampling(self) -> AbstractContextManager[None]:
        """Context in which the generator makes images; it is in evaluation mode there."""
        return nullcontext()

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] from latent vectors (N, latent_dim) on the generator's device."""

    def sample(self, n: int = 64, labels: Labels = None, seed: int = 0, truncation: float | None = None) -> ImageBatch:
        """Generate the images 0 to n - 1 of a seed.

        A seed gives the same images everywhere in this package, for every ``n``.

        Args:
            n: number of images.
            labels: of a conditional model, one class for all, or classes to cycle through; None for all classes.
            seed: seed of the noise.
            truncation: largest absolute value in a latent vector; a small one trades variety for quality (Brock et al.,
                2019).

        Returns:
            Images (n, C, H, W) in [-1, 1] on the CPU, which a notebook shows as a grid.

        Raises:
            ValueError: if an argument is out of range, or ``labels`` does not fit the model.
        """
        at_least("n", n, 0)
        return self.generate(self.latents(range(n), seed, truncation), self.label_inputs(n, labels))

    def latents(self, indices: Sequence[int], seed: int = 0, truncation: float | None = None) -> Tensor:
        """Latent vectors (N, latent_dim) of the images of a seed with these indices; see :meth:`sample`.

        Raises:
            ValueError: if an argument is out of range.
        """
        drawn = latents(self.noise, self.sampled.latent_dim, seed, indices)
        if truncation is None:
            return drawn
        if not truncation > 0:
            raise ValueError(f"truncation is {truncation}; expected a positive number")
        return self.noise.truncated(drawn, truncation)

    def label_inputs(self, n: int, labels: Labels = None) -> Tensor | None:
        """The network's second argument for ``n`` images.

        Args:
            n: number of images.
            labels: see :meth:`sample`; or weights of classes (n, num_classes) float.

        Returns:
            Labels (n,) int64 or weights of classes (n, num_classes) float; None for an unconditional model.

        Raises:
            ValueError: if ``labels`` does not fit the model.
        """
        if not self.sampled.num_classes:
            if labels is not None:
                raise ValueError("labels is given, but this model is unconditional; expected None")
            return None
        if isinstance(labels, Tensor) and labels.is_floating_point():
            if labels.shape != (n, self.sampled.num_classes):
                raise ValueError(f"labels has shape {tuple(labels.shape)}; expected {(n, self.sampled.num_classes)}")
            return labels
        classes = range(self.sampled.num_classes) if labels is None else torch.as_tensor(labels).flatten().tolist()
        if not len(classes):
            raise ValueError("labels is empty; expected at least one class")
        for label in classes:
            if label not in range(self.sampled.num_classes):
                raise ValueError(f"labels contains {label}; expected 0 to {self.sampled.num_classes - 1}")
        return torch.tensor([classes[index % len(classes)] for index in range(n)], dtype=torch.int64)

    def interpolate(
        self,
        seeds: Sequence[int],
        labels: Labels = None,
        steps: int = 9,
        truncation: float | None = None,
    ) -> ImageBatch:
        """Interpolate from image 0 of a seed to image 0 of the next, and so on.

        Latent vectors move on arcs if the noise is normal (White, 2016), else on straight lines; the weights of classes
        change linearly.

        Args:
            seeds: two or more seeds; or one, to interpolate between classes only.
            labels: of a conditional model, one class per seed, or one class for all; None for class 0.
            steps: images from one seed to the next, both included.
            truncation: see :meth:`sample`.

        Returns:
            ``(K - 1) * (steps - 1) + 1`` images (T, C, H, W) in [-1, 1] on the CPU, where K is the number of seeds or
            classes.

        Raises:
            ValueError: if an argument is out of range, or the numbers of seeds and labels do not fit.
        """
        at_least("steps", steps, 2)
        return self._interpolate(seeds, labels, torch.linspace(0, 1, steps, dtype=torch.float64), truncation)

    def interpolate_at(
        self, seeds: Sequence[int], position: float, labels: Labels = None, truncation: float | None = None
    ) -> ImageBatch:
        """The image at one position between image 0 of one seed and image 0 of another; see :meth:`interpolate`.

        Args:
            seeds: two seeds; or one, to interpolate between two classes.
            position: 0 for the first, 1 for the second.
            labels: of a conditional model, one class per seed, or one class for all; None for class 0.
            truncation: see :meth:`sample`.

        Returns:
            One image (1, C, H, W) in [-1, 1] on the CPU.

        Raises:
            ValueError: if an argument is out of range, or the numbers of seeds and labels do not fit.
        """
        if not 0 <= position <= 1:
            raise ValueError(f"position is {position}; expected 0 to 1")
        return self._interpolate(seeds, labels, torch.tensor([position], dtype=torch.float64), truncation)

    def _interpolate(
        self, seeds: Sequence[int], labels: Labels, positions: Tensor, truncation: float | None
    ) -> ImageBatch:
        """Images at ``positions`` (T,) between each seed and the next."""
        classes = self.label_inputs(1, 0) if labels is None and self.sampled.num_classes else None
        if labels is not None:
            classes = self.label_inputs(len(torch.as_tensor(labels).flatten()), labels)
        count = 1 if classes is None else len(classes)
        ends = max(len(seeds), count)
        if ends < 2 or len({len(seeds), count} - {1}) > 1:
            raise ValueError(
                f"seeds has {len(seeds)} entries and labels {0 if classes is None else count}; expected equally many, "
                "or one of either, and at least two of one"
            )
        latent = torch.cat([self.latents([0], seed, truncation) for seed in seeds]).expand(ends, -1)
        points = concat_segments(interpolation_for(self.noise)(latent[:-1], latent[1:], positions))
        if classes is None:
            return self.generate(points, None)
        weights = F.one_hot(classes, self.sampled.num_classes).float().expand(ends, -1)
        between = torch.lerp(weights[:-1, None], weights[1:, None], positions.float()[:, None])
        return self.generate(points, concat_segments(between))

    @torch.inference_mode()
    def generate(self, latent: Tensor, labels: Tensor | None) -> ImageBatch:
        """Generate images in batches.

        Args:
            latent: (N, latent_dim).
            labels: as returned by :meth:`label_inputs`.

        Returns:
            Images (N, C, H, W) in [-1, 1] on the CPU.
        """
        device = next(self.sampled.parameters()).device
        parts = [torch.empty(0, self.sampled.channels, *self.sampled.size)]
        with self.sampling():
            for first in range(0, len(latent), SAMPLING_BATCH):
                rows = slice(first, first + SAMPLING_BATCH)
                given = None if labels is None else labels[rows].to(device)
                parts.append(self.forward(latent[rows].to(device), given).cpu())
        return ImageBatch(torch.cat(parts))


def concat_segments(segments: Tensor) -> Tensor:
    """Concatenate K segments (K, T, ...), each of which starts where the one before ends, to (K * (T - 1) + 1, ...)."""
    return torch.cat([segments[:, :-1].flatten(0, 1), segments[-1, -1:]])
