"""A trained model together with the data that it is analyzed on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.components.objectives import image_logits
from lightning_gans.core.batches import Labelled
from lightning_gans.core.images import to_float
from lightning_gans.core.precision import metrics_device
from lightning_gans.core.randomness import derive_generator
from lightning_gans.families.latent import LatentGAN
from lightning_gans.families.packing import pack
from lightning_gans.metrics.features import FeatureExtractor

BATCH_SIZE = 250
"""Images per forward pass. On a CPU core, 1000 take twice as long per image."""

NOT_HELD_OUT = "the test images are the training images: nothing was held out"

RANDOM_STREAM = "inspection"
"""Seeds the choice of images and the noise. Another string would change all numbers of an analysis."""


class AnalyzedModel(NamedTuple):
    """A trained model and its data.

    Attributes:
        model: in evaluation mode.
        extractor: on a device that has float64, see :func:`.metrics_device`.
        train: all training images, uint8.
        test: all test images, uint8.
        num_classes: number of classes of the images; 0 if they have no labels.
        latent: noise of all generated images, (N, latent_dim), on the model's device.
        precision: returns the context in which the networks run.
    """

    model: LatentGAN
    extractor: FeatureExtractor
    train: Labelled
    test: Labelled
    num_classes: int
    latent: Tensor
    precision: Callable[[], AbstractContextManager[None]]

    @property
    def held_out(self) -> bool:
        """Whether the test images differ from the training images."""
        return self.train.images.data_ptr() != self.test.images.data_ptr()

    def generate(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Generate images.

        Args:
            latent: z (N, latent_dim), or w (N, L, style_dim) if there is a mapping network.
            labels: (N,) int64.

        Returns:
            Images (N, C, H, W) in [-1, 1] on the model's device.
        """
        images, space, device = [], self.model.space, self.model.device
        for part, given in zip(torch.split(latent, BATCH_SIZE), torch.split(labels, BATCH_SIZE), strict=True):
            classes = given.to(device)
            with self.precision():
                images.append(space.images(space.points(part.to(device), classes), classes).float())
        return torch.cat(images)

    def samples(self, count: int) -> Labelled:
        """Generate ``count`` images in [-1, 1] on the model's device, with the class frequencies of the test images."""
        labels = self.test.labels[subset_indices(len(self.test.labels), count)]
        return Labelled(self.generate(self.latent[:count], labels), labels)

    def logits(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits of the discriminator, without augmentation.

        A discriminator of packs is given packs of consecutive images; what is left over is not judged.

        Args:
            images: (N, C, H, W), uint8, or float in [-1, 1].
            labels: (N,) int64.

        Returns:
            (N / m,) float64 on the CPU, where m is the number of images of a pack; means over the patches of each where
            the discriminator judges patches.
        """
        size = self.model.packing
        whole = len(images) // size * size
        packs, labels = pack(images[:whole], size), labels[:whole:size]
        logits = []
        for part, classes in zip(torch.split(packs, BATCH_SIZE), torch.split(labels, BATCH_SIZE), strict=True):
            batch = part.to(self.model.device)
            with self.precision():
                inputs = batch if batch.is_floating_point() else to_float(batch)
                logits.append(self.model.discriminator(inputs, classes.to(self.model.device)))
        return image_logits(torch.cat(logits).cpu().double())

    def features(self, images: Tensor) -> Tensor:
        """Features (N, D) of uint8 images (N, C, H, W), on the extractor's device."""
        device = metrics_device(self.model.device)
        return torch.cat([self.extractor(batch.to(device)) for batch in torch.split(images, BATCH_SIZE)])


def subset_indices(total: int, count: int) -> Tensor:
    """Indices (count,) of a subset of ``total`` images, shuffled, so that images sorted by class are mixed.

    The result is the same in every run. If ``count`` exceeds ``total``, indices repeat.
    """
    order = torch.randperm(total, generator=derive_generator("cpu", RANDOM_STREAM, total))
    return order[torch.arange(count) % total]


def subset(data: Labelled, most: int) -> Labelled:
    """At most ``most`` images and their labels."""
    rows = subset_indices(len(data.labels), min(most, len(data.labels)))
    return Labelled(data.images[rows], data.labels[rows])
