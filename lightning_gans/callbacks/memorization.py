"""Whether generated images are copies of training images, which a test of a model of few images checks by itself."""

from __future__ import annotations

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from lightning_gans.analysis.analyses import memorization, nearest
from lightning_gans.callbacks.real_statistics import load_training_split, training_features
from lightning_gans.core.data import CountsTrainingImages, InMemoryData, data_module
from lightning_gans.core.randomness import derive_generator
from lightning_gans.metrics.features import FeatureExtractor, FeatureSetMetric
from lightning_gans.metrics.metric_set import MetricSet
from lightning_gans.runs.folder import writes_files

MOST = 1000
"""Largest number of generated and of held-out images whose distances are measured."""

DOMAIN = "memorization"
"""What precedes the scores' names: they so have a row of scores and a stamp of their own."""

SUSPICIOUS = 5
"""How many times its expected share of near images makes a generator one that copies."""


class MemorizationCheck:
    """Compares the distances of generated and of held-out images to the training images, in the evaluation's features.

    There is no check if the number of training images is not known before they are loaded, or not small, if the test
    images are training images, or if the other scores keep no features. Rank 0 computes it.

    Args:
        trainer: a trainer that tests.
        metrics: the other scores, which hold the features of the real and the generated images.
        extractor: extractor of the features; None for no check.
        limit: number of training images from which on there is no check; 0 for none.
    """

    def __init__(self, trainer: Trainer, metrics: MetricSet, extractor: FeatureExtractor | None, limit: int) -> None:
        self.trainer, self.extractor = trainer, extractor
        kept: list[FeatureSetMetric | None] = [metrics.kid, metrics.prdc, metrics.class_frechet]
        self.metric = next((metric for metric in kept if metric is not None), None)
        data = data_module(trainer)
        size = data.training_size() if isinstance(data, CountsTrainingImages) else None
        self.data = data if isinstance(data, InMemoryData) and size is not None and size < limit else None

    def compute(self) -> tuple[dict[str, float], str, int, int] | None:
        """The scores, the extractor with the number of training images, and the numbers of real and generated images.

        None if there is no check. Every process must call it, and all get the same.
        """
        if self.metric is None or self.extractor is None or not writes_files(self.trainer):
            return None
        # Rank 0 decides, since it may have loaded the training images alone, for another score.
        if not self.trainer.strategy.broadcast(self.data is not None):
            return None
        measured = None
        with self.metric.sync_context():
            if self.trainer.is_global_zero and self.data is not None:
                features = [chosen(self.metric.gathered(real=real)) for real in (True, False)]
                measured = self._measure(self.data, self.extractor, *features)
        return self.trainer.strategy.broadcast(measured)

    def _measure(
        self, data: InMemoryData, extractor: FeatureExtractor, held_out: Tensor, fake: Tensor
    ) -> tuple[dict[str, float], str, int, int] | None:
        load_training_split(data)
        images, test = data.split_tensors("train").images, data.split_tensors("test").images
        if images.data_ptr() == test.data_ptr() or not len(held_out) or not len(fake):
            return None
        train = training_features(self.trainer, extractor, images)
        batches = [batch.to(fake.device) for batch in torch.split(train, 1000)]
        distances = nearest(torch.cat([fake, held_out]), batches, 1).distances[:, 0].cpu()
        found = memorization(distances[: len(fake)], distances[len(fake) :])
        rank_zero_info(describe(found, len(images)))
        scores = {name: found[name] for name in ("nearest_ratio", "copied_share")}
        return scores, f"{extractor.description}+{len(images)}-training-images", len(held_out), len(fake)


def chosen(features: Tensor) -> Tensor:
    """At most :data:`MOST` of features (N, D), chosen at random, but the same in every run."""
    order = torch.randperm(len(features), generator=derive_generator("cpu", DOMAIN, len(features)))
    return features[order[:MOST].to(features.device)]


def describe(found: dict[str, float], train_images: int) -> str:
    """The numbers of :func:`.memorization` as a sentence."""
    share, expected = found["copied_share"], found["copied_share_expected"]
    if share > SUSPICIOUS * expected:
        verdict = "these look like copies; --analysis.rows 16 shows them beside the training images"
    else:
        verdict = "no sign of copies"
    return (
        f"evaluation: samples are {found['nearest_ratio']:.2f} times as far from the {train_images} training images as "
        f"new real images are, and {share:.1%} of them (expected: {expected:.1%}) are as near as the nearest hundredth "
        f"of these: {verdict}"
    )
