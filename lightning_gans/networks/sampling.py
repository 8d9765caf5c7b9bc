"""Images of a generator from noise, by seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.noise import Noise, interpolation_for, latents, linear
from lightning_gans.core.errors import at_least
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.networks.base import Generator
from lightning_gans.networks.latent_space import LatentSpace, latent_space

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

    def sample(self, n: int = 64, labels: Labels = None, seed: int = 0, truncation: float | None = None) -> ImageBatch:
        """Generate the images 0 to n - 1 of a seed.

        A seed gives the same images everywhere in this package, for every ``n``.

        Args:
            n: number of images.
            labels: of a conditional model, one class for all, or classes to cycle through; None for all classes.
            seed: seed of the noise.
            truncation: trades variety for quality. Of a generator with a mapping network the factor, from -1 to 1, of
                the distance of w from its mean (Karras et al., 2019); of another the largest absolute value in a latent
                vector (Brock et al., 2019).

        Returns:
            Images (n, C, H, W) in [-1, 1] on the CPU, which a notebook shows as a grid.

        Raises:
            ValueError: if an argument is out of range, or ``labels`` does not fit the model.
        """
        at_least("n", n, 0)
        return self.generate(self.latents(range(n), seed), self.label_inputs(n, labels), truncation)

    def latents(self, indices: Sequence[int], seed: int = 0) -> Tensor:
        """Latent vectors z (N, latent_dim) of the images of a seed with these indices; see :meth:`sample`."""
        return latents(self.noise, self.sampled.latent_dim, seed, indices)

    @property
    def space(self) -> LatentSpace:
        """The space of the points that images are made from, z or w."""
        return latent_space(self.sampled, self.noise)

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
        seeds: Sequence[int] = (),
        labels: Labels = None,
        steps: int = 9,
        truncation: float | None = None,
        latent: Tensor | None = None,
        loop: bool = False,
    ) -> ImageBatch:
        """Interpolate from each of several points to the next: from given ones, then from image 0 of each seed.

        Latent vectors move on arcs if the noise is normal (White, 2016), else on straight lines; w and the weights of
        classes change linearly.

        Args:
            seeds: seeds of points.
            labels: of a conditional model, one class per point, or one class for all; None for class 0.
            steps: images from one point to the next, both included.
            truncation: see :meth:`sample`.
            latent: points before those of the seeds, z (K, latent_dim) or w (K, L, style_dim).
            loop: whether to return from the last point to the first.

        Returns:
            ``(K - 1) * (steps - 1) + 1`` images (T, C, H, W) in [-1, 1] on the CPU, where K is the number of points or
            classes, one more with ``loop``. With one point, the interpolation is between classes only.

        Raises:
            ValueError: if an argument is out of range, or the numbers of points and labels do not fit.
        """
        at_least("steps", steps, 2)
        positions = torch.linspace(0, 1, steps, dtype=torch.float64)
        return self._interpolate(seeds, labels, positions, truncation, latent, loop)

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
        self,
        seeds: Sequence[int],
        labels: Labels,
        positions: Tensor,
        truncation: float | None,
        latent: Tensor | None = None,
        loop: bool = False,
    ) -> ImageBatch:
        """Images at ``positions`` (T,) between each point and the next."""
        stations = [] if latent is None else [self.check_latent(latent)]
        given = 0 if latent is None else len(latent)
        classes = self.label_inputs(1, 0) if labels is None and self.sampled.num_classes else None
        if labels is not None:
            classes = self.label_inputs(len(torch.as_tensor(labels).flatten()), labels)
        points, count = given + len(seeds), 1 if classes is None else len(classes)
        ends = max(points, count)
        if ends < 2 or len({points, count} - {1}) > 1:
            subject = f"seeds has {len(seeds)} entries" + (f", latent {given}" if given else "")
            raise ValueError(
                f"{subject} and labels {0 if classes is None else count}; expected equally many, or one of either, "
                "and at least two of one"
            )
        weights = None if classes is None else F.one_hot(classes, self.sampled.num_classes).float().expand(ends, -1)
        if latent is not None and latent.ndim > 2 and points < 2:
            raise ValueError("latent has one w, which its class is part of; expected at least two points")
        if seeds:
            drawn = torch.cat([self.latents([0], seed) for seed in seeds])
            of_seeds = None if weights is None else weights[-len(seeds) :]
            stations.append(self.points(drawn, of_seeds) if stations and stations[0].ndim > 2 else drawn)
        joined = torch.cat(stations)
        joined = joined.expand(ends, *joined.shape[1:])
        if loop:
            joined = torch.cat([joined, joined[:1]])
            weights = None if weights is None else torch.cat([weights, weights[:1]])
        between = interpolation_for(self.noise) if joined.ndim == 2 else linear
        moved = between(joined[:-1].flatten(1), joined[1:].flatten(1), positions)
        moved = moved.view(*moved.shape[:2], *joined.shape[1:])
        if weights is None or joined.ndim > 2:
            return self.generate(concat_segments(moved), None, truncation)
        mixed = torch.lerp(weights[:-1, None], weights[1:, None], positions.float()[:, None])
        return self.generate(concat_segments(moved), concat_segments(mixed), truncation)

    @torch.no_grad()
    def points(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """The points that images are made from: w (N, L, style_dim) if there is a mapping network, else z.

        Args:
            latent: z (N, latent_dim).
            labels: as returned by :meth:`label_inputs`.

        Returns:
            The points, on the CPU.
        """
        device = next(self.sampled.parameters()).device
        with self.sampling():
            return self.space.points(latent.to(device), None if labels is None else labels.to(device)).cpu()

    def check_latent(self, latent: Tensor) -> Tensor:
        """Check that points are z or w of this model.

        Args:
            latent: z (N, latent_dim), or w (N, L, style_dim) if there is a mapping network.

        Returns:
            The points in float32 on the CPU.

        Raises:
            ValueError: if they have another shape, or are not finite.
        """
        shapes = dict.fromkeys([(self.sampled.latent_dim,), self.space.shape])
        if not latent.is_floating_point() or latent.shape[1:] not in shapes or not len(latent):
            expected = " or ".join(f"(N, {', '.join(map(str, shape))})" for shape in shapes)
            raise ValueError(f"latent has shape {tuple(latent.shape)} of {latent.dtype}; expected floats {expected}")
        if not latent.isfinite().all():
            raise ValueError("latent has values that are NaN or infinite; expected finite numbers")
        return latent.detach().float().cpu()

    @torch.inference_mode()
    def generate(self, latent: Tensor, labels: Tensor | None, truncation: float | None = None) -> ImageBatch:
        """Generate images in batches.

        Args:
            latent: points, z (N, latent_dim) or w (N, L, style_dim).
            labels: as returned by :meth:`label_inputs`; None for w, which the class is part of.
            truncation: see :meth:`sample`.

        Returns:
            Images (N, C, H, W) in [-1, 1] on the CPU.

        Raises:
            ValueError: if ``truncation`` is out of range.
        """
        device, space = next(self.sampled.parameters()).device, self.space
        if truncation is not None:
            space.check_truncation(truncation)
        parts = [torch.empty(0, self.sampled.channels, *self.sampled.size)]
        with self.sampling():
            for first in range(0, len(latent), SAMPLING_BATCH):
                rows = slice(first, first + SAMPLING_BATCH)
                given = None if labels is None else labels[rows].to(device)
                points = space.points(latent[rows].to(device), given)
                if truncation is not None:
                    points = space.truncated(points, truncation)
                parts.append(space.images(points, given).cpu())
        return ImageBatch(torch.cat(parts))


def concat_segments(segments: Tensor) -> Tensor:
    """Concatenate K segments (K, T, ...), each of which starts where the one before ends, to (K * (T - 1) + 1, ...)."""
    return torch.cat([segments[:, :-1].flatten(0, 1), segments[-1, -1:]])
