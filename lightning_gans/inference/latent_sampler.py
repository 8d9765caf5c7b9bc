"""Trained generators that make images from noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.interpolation import interpolation_for
from lightning_gans.components.noise import latents
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.image_grids import grid, upscale_nearest
from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.core.pixels import to_uint8
from lightning_gans.inference.construct import ClassConfig, build_generator, build_noise
from lightning_gans.inference.model import BATCH, PretrainedModel

Labels = int | Sequence[int] | Tensor | None
"""One class for all images, classes to go through in turn, or (N, num_classes) shares of classes."""


CARD_IMAGES = 40
"""At most this many pictures are drawn for a model card."""


class LatentSampler(PretrainedModel):
    """A generator from noise to images.

    Args:
        generator: class path and arguments of the network.
        noise: the same of the distribution of its latent vectors.
        metadata: what is known of the model, as plain data.

    Raises:
        InputError: if the network cannot be built.
    """

    task = "unconditional-image-generation"

    def __init__(self, generator: ClassConfig, noise: ClassConfig, metadata: ModelMetadata) -> None:
        super().__init__(metadata)
        self.network = build_generator(generator)
        self.noise = build_noise(noise)
        self.frozen_eval()

    @property
    def num_classes(self) -> int:
        """How many classes can be asked for; 0 if the network knows none."""
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
            f"Images are float tensors (N, {network.channels}, {network.size}, {network.size}) in [-1, 1], each made "
            f"from {network.latent_dim} numbers of {type(self.noise).__name__}"
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
        grid(upscale_nearest(images, max(1, 64 // self.network.size)), columns).save(path)

    def sample(self, n: int = 64, labels: Labels = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Images (n, C, H, W) in [-1, 1]: the pictures 0 to n - 1 of a seed.

        The same seed gives the same pictures as everywhere in this package, whatever ``n`` is.

        Args:
            n: how many.
            labels: of a conditional model, a class for all, or classes to go through in turn, by default all of them.
            seed: which pictures.
            truncation: largest value in a latent vector: less variety, often better images (Brock et al., 2019).

        Raises:
            InputError: if a number is out of range, or classes are asked for that the model does not know.
        """
        at_least("n", n, 0)
        return self.generate(self.latents(range(n), seed, truncation), self.label_inputs(n, labels))

    def latents(self, pictures: Sequence[int], seed: int = 0, truncation: float | None = None) -> Tensor:
        """Latent vectors (N, latent_dim) of numbered pictures; see :meth:`sample`.

        Raises:
            InputError: if a number is out of range.
        """
        drawn = latents(self.noise, self.network.latent_dim, seed, pictures)
        if truncation is None:
            return drawn
        if not truncation > 0:
            raise InputError(f"truncation is {truncation}; expected a positive number")
        return self.noise.truncated(drawn, truncation)

    def label_inputs(self, n: int, labels: Labels = None) -> Tensor | None:
        """What the network is told of the classes of ``n`` images: labels (n,), shares (n, num_classes), or None.

        Raises:
            InputError: if classes are asked for that the model does not know.
        """
        if not self.num_classes:
            if labels is not None:
                raise InputError("classes are asked for, but this model knows none; expected one such as CGAN")
            return None
        if isinstance(labels, Tensor) and labels.is_floating_point():
            if labels.shape != (n, self.num_classes):
                shape = tuple(labels.shape)
                raise InputError(f"shares of classes have the shape {shape}; expected {(n, self.num_classes)}")
            return labels
        wanted = range(self.num_classes) if labels is None else torch.as_tensor(labels).flatten().tolist()
        if not len(wanted):
            raise InputError("the list of classes is empty; expected at least one")
        for label in wanted:
            if label not in range(self.num_classes):
                raise InputError(f"class {label} is asked for; expected 0 to {self.num_classes - 1}")
        return torch.tensor([wanted[index % len(wanted)] for index in range(n)], dtype=torch.int64)

    def interpolate(
        self,
        seeds: Sequence[int],
        labels: Labels = None,
        steps: int = 9,
        truncation: float | None = None,
    ) -> Tensor:
        """Images (T, C, H, W) in [-1, 1] on the way from picture 0 of a seed to that of the next, and so on.

        Latent vectors move on arcs where noise is normal (White, 2016), else on straight lines; classes in shares.

        Args:
            seeds: of the stations. One seed and several classes is a way through classes alone.
            labels: of a conditional model, the class at each station, or one for all; by default 0.
            steps: images on the way from one station to the next, both included.
            truncation: as in :meth:`sample`.

        Returns:
            For K stations, ``(K - 1) * (steps - 1) + 1`` images.

        Raises:
            InputError: if a number is out of range, or there are fewer than two stations.
        """
        at_least("steps", steps, 2)
        classes = self.label_inputs(1, 0) if labels is None and self.num_classes else None
        if labels is not None:
            classes = self.label_inputs(len(torch.as_tensor(labels).flatten()), labels)
        counts = {len(seeds), 1 if classes is None else len(classes)}
        stations = max(counts)
        if stations < 2 or len(counts - {1}) > 1:
            raise InputError(
                f"the way has {len(seeds)} seeds and {0 if classes is None else len(classes)} classes; expected at "
                "least two of one, and as many or one of the other"
            )
        ends = torch.cat([self.latents([0], seed, truncation) for seed in seeds]).expand(stations, -1)
        positions = torch.linspace(0, 1, steps, dtype=torch.float64)
        points = joined(interpolation_for(self.noise)(ends[:-1], ends[1:], positions))
        if classes is None:
            return self.generate(points, None)
        known = F.one_hot(classes, self.num_classes).float().expand(stations, -1)
        return self.generate(points, joined(torch.lerp(known[:-1, None], known[1:, None], positions.float()[:, None])))

    @torch.inference_mode()
    def generate(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] on the CPU.

        Args:
            latent: (N, latent_dim).
            labels: as :meth:`shares` gives them.
        """
        images = [
            self.forward(latent[i : i + BATCH], None if labels is None else labels[i : i + BATCH]).cpu()
            for i in range(0, len(latent), BATCH)
        ]
        size = self.network.size
        return torch.cat(images) if images else torch.empty(0, self.network.channels, size, size)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of one batch, on the model's device."""
        images: Tensor = self.network(latent.to(self.device), None if labels is None else labels.to(self.device))
        return images


def joined(legs: Tensor) -> Tensor:
    """The points (K * (T - 1) + 1, ...) of K legs (K, T, ...), each of which starts where the one before ends."""
    return torch.cat([legs[:, :-1].flatten(0, 1), legs[-1, -1:]])
