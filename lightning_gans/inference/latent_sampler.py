"""Pretrained models that generate images from noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.components.noise import interpolation_for, latents
from lightning_gans.core.errors import at_least
from lightning_gans.core.image_files import grid, upscale_nearest
from lightning_gans.core.images import to_uint8
from lightning_gans.inference.construct import ClassConfig, build_generator, build_noise
from lightning_gans.inference.model import BATCH_SIZE, PretrainedModel
from lightning_gans.runs.record import ModelMetadata

Labels = int | Sequence[int] | Tensor | None
"""One class for all images, classes to cycle through, or weights of classes (N, num_classes) float."""

CARD_IMAGES = 40
"""At most this many pictures are drawn for a model card."""


class LatentSampler(PretrainedModel):
    """A generator from noise to images.

    Args:
        generator: class path and arguments of the network.
        noise: class path and arguments of the distribution of latent vectors.
        metadata: facts about the model, as plain data.
        trust: classes that may be named beside those of this package and of torch.

    Raises:
        ValueError: if the network or the noise cannot be built.
    """

    description = "a model that generates images from noise"

    task = "unconditional-image-generation"

    def __init__(
        self, generator: ClassConfig, noise: ClassConfig, metadata: ModelMetadata, trust: Trust = NO_TRUST
    ) -> None:
        super().__init__(metadata, trust, generator=generator, noise=noise)
        self.network = build_generator(generator, trust)
        self.noise = build_noise(noise, trust)
        self.frozen_eval()

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for an unconditional model."""
        return self.network.num_classes

    @property
    def usage(self) -> str:
        """A line of Python that makes images with ``model``."""
        return f"images = model.sample(n=64, {'labels=[0, 1], ' if self.num_classes else ''}seed=0)"

    @property
    def input_description(self) -> str:
        """Shapes and values of inputs and outputs, in sentences."""
        network = self.network
        return (
            f"Images are float tensors (N, {network.channels}, {network.size[0]}, {network.size[1]}) in [-1, 1], each "
            f"made from {network.latent_dim} numbers of {type(self.noise).__name__}"
            + (f" and one of {self.num_classes} classes" if self.num_classes else "")
            + ". A seed gives the same pictures for every n."
        )

    @property
    def samples_caption(self) -> str:
        """What the pictures of :meth:`draw_samples` show; empty if images are not pictures of 1 or 3 channels."""
        if self.network.channels not in (1, 3):
            return ""
        return "The first pictures of seed 0, not selected" + (", the classes in turn" if self.num_classes else "")

    def draw_samples(self, path: Path) -> None:
        """Write a grid of the first pictures of seed 0 as PNG, if images have 1 or 3 channels."""
        if not self.samples_caption:
            return
        columns = min(self.num_classes, 10) or 8
        images = to_uint8(self.sample(CARD_IMAGES // columns * columns))
        grid(upscale_nearest(images, max(1, 64 // min(self.network.size))), columns).save(path)

    def sample(self, n: int = 64, labels: Labels = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Generate the images 0 to n - 1 of a seed.

        A seed gives the same images everywhere in this package, for every ``n``.

        Args:
            n: number of images.
            labels: of a conditional model, one class for all, or classes to cycle through; None for all classes.
            seed: seed of the noise.
            truncation: largest absolute value in a latent vector; a small one trades variety for quality (Brock et al.,
                2019).

        Returns:
            Images (n, C, H, W) in [-1, 1] on the CPU.

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
        drawn = latents(self.noise, self.network.latent_dim, seed, indices)
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
        if not self.num_classes:
            if labels is not None:
                raise ValueError("labels is given, but this model is unconditional; expected None")
            return None
        if isinstance(labels, Tensor) and labels.is_floating_point():
            if labels.shape != (n, self.num_classes):
                raise ValueError(f"labels has shape {tuple(labels.shape)}; expected {(n, self.num_classes)}")
            return labels
        classes = range(self.num_classes) if labels is None else torch.as_tensor(labels).flatten().tolist()
        if not len(classes):
            raise ValueError("labels is empty; expected at least one class")
        for label in classes:
            if label not in range(self.num_classes):
                raise ValueError(f"labels contains {label}; expected 0 to {self.num_classes - 1}")
        return torch.tensor([classes[index % len(classes)] for index in range(n)], dtype=torch.int64)

    def interpolate(
        self,
        seeds: Sequence[int],
        labels: Labels = None,
        steps: int = 9,
        truncation: float | None = None,
    ) -> Tensor:
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
    ) -> Tensor:
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

    def _interpolate(self, seeds: Sequence[int], labels: Labels, positions: Tensor, truncation: float | None) -> Tensor:
        """Images at ``positions`` (T,) between each seed and the next."""
        classes = self.label_inputs(1, 0) if labels is None and self.num_classes else None
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
        weights = F.one_hot(classes, self.num_classes).float().expand(ends, -1)
        between = torch.lerp(weights[:-1, None], weights[1:, None], positions.float()[:, None])
        return self.generate(points, concat_segments(between))

    @torch.inference_mode()
    def generate(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Generate images in batches.

        Args:
            latent: (N, latent_dim).
            labels: as returned by :meth:`label_inputs`.

        Returns:
            Images (N, C, H, W) in [-1, 1] on the CPU.
        """
        images = [
            self.forward(latent[i : i + BATCH_SIZE], None if labels is None else labels[i : i + BATCH_SIZE]).cpu()
            for i in range(0, len(latent), BATCH_SIZE)
        ]
        return torch.cat(images) if images else torch.empty(0, self.network.channels, *self.network.size)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of one batch, on the model's device."""
        images: Tensor = self.network(latent.to(self.device), None if labels is None else labels.to(self.device))
        return images


def concat_segments(segments: Tensor) -> Tensor:
    """Concatenate K segments (K, T, ...), each of which starts where the one before ends, to (K * (T - 1) + 1, ...)."""
    return torch.cat([segments[:, :-1].flatten(0, 1), segments[-1, -1:]])
