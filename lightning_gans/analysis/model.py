"""What is inspected: a trained model with its data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.in_memory import TensorImages
from lightning_gans.core.pixels import to_float
from lightning_gans.core.randomness import derive_generator
from lightning_gans.families.latent import LatentGAN
from lightning_gans.metrics.features import FeatureExtractor

BATCH = 250
"""Images that go through a network at one time; a core takes twice as long for each if it is 1000."""

SAME_IMAGES = "the test images are the training images: nothing was held out"


class Labelled(NamedTuple):
    """Images (N, C, H, W) and their labels (N,) int64."""

    images: Tensor
    labels: Tensor


class Subject(NamedTuple):
    """A trained model with its data.

    Attributes:
        model: in evaluation mode.
        extractor: on the model's device.
        train: training images.
        test: test images.
        num_classes: of the images; 0 if they have none.
        latent: (N, latent_dim), on the model's device: the noise of all pictures and numbers.
        precision: in which the model's networks run.
    """

    model: LatentGAN
    extractor: FeatureExtractor
    train: TensorImages
    test: TensorImages
    num_classes: int
    latent: Tensor
    precision: Callable[[], AbstractContextManager[None]]

    @property
    def held_out(self) -> bool:
        """Whether the test images are others than the training images."""
        return self.train.images.data_ptr() != self.test.images.data_ptr()

    def generate(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of the trained generator, on the model's device."""
        images = []
        for some, classes in zip(torch.split(latent, BATCH), torch.split(labels, BATCH), strict=True):
            with self.precision():
                images.append(self.model(some, classes.to(self.model.device)).float())
        return torch.cat(images)

    def samples(self, count: int) -> Labelled:
        """As many generated images, in [-1, 1] and on the model's device; classes are as frequent as in the test."""
        labels = self.test.labels[chosen(len(self.test), count)]
        return Labelled(self.generate(self.latent[:count], labels), labels)

    def logits(self, images: Tensor, labels: Tensor) -> Tensor:
        """D's logits (N,), without augmentation, of images that are uint8, or float in [-1, 1]."""
        logits = []
        for some, classes in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
            batch = some.to(self.model.device)
            with self.precision():
                seen = batch if batch.is_floating_point() else to_float(batch)
                logits.append(self.model.discriminator(seen, classes.to(self.model.device)))
        return torch.cat(logits).double().cpu()

    def features(self, images: Tensor) -> Tensor:
        """The extractor's features (N, D) of uint8 images, on the model's device."""
        return torch.cat([self.extractor(batch.to(self.model.device)) for batch in torch.split(images, BATCH)])


def chosen(total: int, count: int) -> Tensor:
    """Which of ``total`` images are looked at: (count,) indices in an order that mixes sorted classes.

    The same in every run; after ``total``, images come again.
    """
    order = torch.randperm(total, generator=derive_generator("cpu", "inspection", total))
    return order[torch.arange(count) % total]


def some_of(data: TensorImages, most: int) -> Labelled:
    """All images if there are at most ``most``, else that many of them."""
    rows = chosen(len(data), min(most, len(data)))
    return Labelled(data.images[rows], data.labels[rows])
