"""Pretrained models that generate images from noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from lightning_gans.analysis.directions import Directions
from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.core.drawing import grid, is_picture
from lightning_gans.core.images import to_uint8
from lightning_gans.inference.construct import ClassConfig, build_generator, build_noise
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.networks.base import Generator
from lightning_gans.networks.sampling import SamplesFromNoise
from lightning_gans.runs.record import ModelMetadata

CARD_IMAGES = 40
"""At most this many pictures are drawn for a model card."""


class LatentSampler(SamplesFromNoise, PretrainedModel):
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
        """What the pictures of :meth:`draw_samples` show; empty if they are points in the plane."""
        if not is_picture(self.network.size):
            return ""
        return "The first pictures of seed 0, not selected" + (", the classes in turn" if self.num_classes else "")

    def draw_samples(self, path: Path) -> None:
        """Write a grid of the first pictures of seed 0 as PNG, unless images are points in the plane."""
        if not self.samples_caption:
            return
        columns = min(self.num_classes, 10) or 8
        images = to_uint8(self.sample(CARD_IMAGES // columns * columns))
        grid(images, columns, scale=None).save(path)

    def directions(self, layers: Sequence[int] | None = None) -> Directions:
        """The directions in latent space in which images change most, found without labels; see :class:`.Directions`.

        Args:
            layers: numbers of the layers to move, from 0, of a generator with a mapping network; None for all.

        Raises:
            ValueError: if the generator does not say which weights are given the latent vector, or has no such layers.
        """
        return Directions(self, layers)

    @property
    def sampled(self) -> Generator:
        """The network."""
        return self.network

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of one batch, on the model's device."""
        images: Tensor = self.network(latent.to(self.device), None if labels is None else labels.to(self.device))
        return images
