"""Statistics of real images that are kept from one evaluation to the next, and between runs."""

from __future__ import annotations

import re

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from lightning_gans.core.data import InMemoryData, data_module
from lightning_gans.core.images import in_8_bits
from lightning_gans.core.precision import device_name, metrics_device, reduced_float32
from lightning_gans.metrics.cache import RealCache
from lightning_gans.metrics.features import FeatureExtractor, extract_features
from lightning_gans.metrics.metric_set import MetricSet

BATCH_SIZE = 100
"""Training images per forward pass, equal in all runs: the size of a batch may change features in their last digits."""


class RealStatistics:
    """The part of a :class:`.RealCache` that belongs to one domain of one split.

    Args:
        cache: where the statistics are kept.
        trainer: a trainer that evaluates.
        split: ``val`` or ``test``.
        domain: of the images.
        metrics: the scores that need the statistics.
        extractor: extractor of the features; None keeps nothing.
    """

    def __init__(
        self,
        cache: RealCache,
        trainer: Trainer,
        split: str,
        domain: str,
        metrics: MetricSet,
        extractor: FeatureExtractor | None,
    ) -> None:
        self.cache, self.trainer, self.metrics = cache, trainer, metrics
        self.expected = expected_images(trainer, split, domain)
        """Number of real images that this evaluation compares with; None if it is not known or nothing is kept."""
        self.key: str | None = None
        """The key in the cache; None if nothing is kept."""
        data = data_module(trainer)
        if extractor is None or data is None or self.expected is None:
            return
        if (fingerprint := data.fingerprint(split)) is None:
            return
        # Other scores may need more statistics of the same images.
        names = [name for name in ("features", "labels") if name in metrics.real_names]
        self.key = "-".join([features_key(trainer, extractor, fingerprint, domain, str(self.expected)), *names])

    def load(self) -> bool:
        """Load the statistics if they are kept; returns whether they are, equal on all ranks."""
        if self.key is None:
            return False
        # The ranks' statistics are summed, so rank 0 loads all and the others none.
        state = self.cache.read(self.key, self.metrics.real_names) if self.trainer.is_global_zero else None
        if state is not None and self.metrics.num_real(state) == self.expected:
            self.metrics.load_real_state(state)
        else:
            state = None
        return self.trainer.strategy.broadcast(state is not None)

    def store(self) -> None:
        """Keep the statistics of the real images of all ranks, in memory and on disk."""
        if self.key is None:
            return
        state = self.metrics.real_state()
        # A loader of one's own may have left some images out.
        if self.trainer.is_global_zero and self.metrics.num_real(state) == self.expected:
            self.cache.write(self.key, state)


def features_key(trainer: Trainer, extractor: FeatureExtractor, *images: str) -> str:
    """A key for what is computed from features of images.

    Args:
        trainer: a trainer that evaluates.
        extractor: extractor of the features.
        images: texts that name the images.
    """
    # The features of one image differ in the last digits between devices, and more between float32 and TF32.
    device = metrics_device(trainer.strategy.root_device)
    parts = [*images, extractor.description, re.sub(r"\W+", "_", device_name(device)), *reduced_float32(device)]
    return "-".join(parts)


def load_training_split(data: InMemoryData) -> None:
    """Load the training images in a test."""
    with torch.inference_mode(False):  # the images may be trained on later, as tensors of inference mode may not
        data.setup("fit")


def training_features(trainer: Trainer, extractor: FeatureExtractor, images: Tensor) -> Tensor:
    """Features (N, D) of training images (N, C, H, W), uint8, or uint16, which are rounded to 8 bits.

    Args:
        trainer: a trainer that evaluates.
        extractor: extractor of the features.
        images: the images.
    """
    device = metrics_device(trainer.strategy.root_device)
    return extract_features(lambda batch: extractor(in_8_bits(batch).to(device)), images, BATCH_SIZE)


def expected_images(trainer: Trainer, split: str, domain: str) -> int | None:
    """Number of real images of a domain that an evaluation compares with; None if it is not known."""
    data = data_module(trainer)
    # The sanity check before training has some of the batches, and the numbers of batches are those of the others.
    if data is None or trainer.sanity_checking or (images := data.num_images(split, domain)) is None:
        return None
    batches = trainer.num_val_batches if split == "val" else trainer.num_test_batches
    return int(min(images, sum(batches) * data.eval_batch_size * trainer.world_size))
