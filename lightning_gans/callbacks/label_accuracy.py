"""Whether generated images show the classes they are conditioned on, where the extractor is no classifier."""

from __future__ import annotations

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info

from lightning_gans.callbacks.real_statistics import features_key, load_training_split, training_features
from lightning_gans.core.data import InMemoryData, data_module
from lightning_gans.core.randomness import derive_generator
from lightning_gans.metrics.cache import RealCache
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.frechet import ClassFrechet
from lightning_gans.metrics.linear_head import LinearHead
from lightning_gans.metrics.metric_set import MetricSet
from lightning_gans.runs.folder import writes_files

DOMAIN = "head"
"""What precedes the score's name: it so has a row of scores and a stamp of its own. Otherwise FIDs of conditional and
unconditional models would have different stamps."""


class HeadAccuracy:
    """Label accuracy in a test, by a linear classifier that is fitted on the features of training images.

    There is none if the extractor is a classifier, generated images are not conditioned on labels, or the data have
    more than :data:`.MAX_CLASSES` classes, of which each would have too few training images. Rank 0 fits the classifier
    and computes the score.

    Args:
        cache: where fitted classifiers are kept.
        trainer: a trainer that tests.
        metrics: the other scores, which hold the features of the real and the generated images.
        extractor: extractor of the features; None for no score.
        images: largest number of training images; 0 for no score.
    """

    def __init__(
        self, cache: RealCache, trainer: Trainer, metrics: MetricSet, extractor: FeatureExtractor | None, images: int
    ) -> None:
        self.cache, self.trainer, self.extractor = cache, trainer, extractor
        self.images = images
        """Number of the training images."""
        self.head: LinearHead | None = None
        """The fitted classifier, on rank 0; None if there is no score."""
        self.features: ClassFrechet | None = None
        """The metric that holds the features with their labels, on all ranks; None if there is no score."""
        if images and metrics.class_histogram is None and writes_files(trainer):
            self.features = metrics.class_frechet

    def fit(self) -> None:
        """Fit the classifier, or load it if it is kept; on all ranks."""
        if self.features is None or self.extractor is None:
            return
        data = data_module(self.trainer)
        if not isinstance(data, InMemoryData):
            rank_zero_info(f"evaluation: no label_accuracy; {type(data).__name__} does not hold its images in memory")
            self.features = None
        elif self.trainer.is_global_zero:
            self.head = self._fit(data, self.extractor)

    def _fit(self, data: InMemoryData, extractor: FeatureExtractor) -> LinearHead | None:
        load_training_split(data)
        images, labels = data.split_tensors("train")
        # Random, since they may be sorted by class, but the same for all runs.
        chosen = torch.randperm(len(labels), generator=derive_generator("cpu", "linear head"))[: self.images]
        self.images = len(chosen)
        labels = labels[chosen]
        if labels.min() == labels.max():
            return None
        fingerprint = data.fingerprint("train")
        named = (str(fingerprint), DOMAIN, str(self.images))
        key = None if fingerprint is None else features_key(self.trainer, extractor, *named)
        shape = (data.num_classes, extractor.num_features)
        state = None if key is None else self.cache.read(key, {"weight", "bias"})
        if state is not None and state["weight"].shape == shape and state["bias"].shape == shape[:1]:
            return LinearHead(**state)
        rank_zero_info(f"evaluation: fitting a linear classifier on features of {self.images} training images")
        features = training_features(self.trainer, extractor, images[chosen])
        head = LinearHead.fit(features, labels, data.num_classes)
        if key is not None:
            self.cache.write(key, {"weight": head.weight, "bias": head.bias})
        return head

    def compute(self) -> tuple[float, str] | None:
        """The score, and the extractor with the classifier and its accuracy on the real images, for the stamp.

        None if there is no score. Every process must call it, and all get the same.
        """
        if self.features is None or self.extractor is None:
            return None
        measured = None
        with self.features.sync_context():
            if self.head is not None:
                real, fake = (
                    self.head.accuracy(self.features.gathered(kind), self.features.gathered_labels(kind))
                    for kind in (True, False)
                )
                measured = fake, f"{self.extractor.description}+linear-head-{self.images}-{real:.2f}"
        return self.trainer.strategy.broadcast(measured)
