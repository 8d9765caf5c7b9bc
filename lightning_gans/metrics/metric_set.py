"""All scores of a set of images, from one pass over the images and one extractor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanMetric

from lightning_gans.metrics.class_histogram import ClassHistogram
from lightning_gans.metrics.features import FeatureExtractor, FeatureSetMetric
from lightning_gans.metrics.frechet import MAX_CLASSES, NUM_REAL, REAL_STATES, ClassFrechet, FrechetDistance
from lightning_gans.metrics.inception import InceptionScore
from lightning_gans.metrics.kernel import KernelInceptionDistance
from lightning_gans.metrics.paired_images import PairedImageMetrics
from lightning_gans.metrics.perceptual import MeanPerceptualDistance, TruthDistance
from lightning_gans.metrics.prdc import PRDC
from lightning_gans.metrics.segmentation import SegmentationMetrics


class MetricSet(nn.Module):
    """All scores that can be computed from the given images.

    - With an extractor: FID, relative FID and variance ratio; optionally KID, precision, recall, density and coverage.
      If it is a classifier, the scores of :class:`.ClassHistogram`; if it is Inception, the Inception score; if
      generated images are conditioned on labels, the FID of each class.
    - With a ground truth for each generated image: L1, PSNR, SSIM, and LPIPS if its network is given; for label maps
      (with a palette) pixel accuracy and mean IoU.
    - With images translated to the other domain and back: ``cycle_l1``, the mean absolute difference of pixel values in
      [0, 1].
    - With a classifier of the model's own: its error on real images, which is not among the other scores.

    Args:
        extractor: extractor of the features to compare; None computes only scores that compare with ground truths.
        palette: colors (K, C) of the classes, uint8, if the images are label maps.
        perceptual: the distance to ground truths in a network's features; None does not compute one.
        kid: whether to compute KID.
        neighbors: k of precision, recall, density and coverage; 0 does not compute them.
        num_labels: number of classes on which generated images are conditioned; 0 if they are not.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | None,
        palette: Tensor | None = None,
        perceptual: TruthDistance | None = None,
        kid: bool = False,
        neighbors: int = 0,
        num_labels: int = 0,
    ) -> None:
        super().__init__()
        # In a list, so that it is no submodule: several sets share one extractor.
        self._extractor = [] if extractor is None else [extractor]
        self.frechet: FrechetDistance | None = None
        self.class_histogram: ClassHistogram | None = None
        self.class_frechet: ClassFrechet | None = None
        self.inception_score: InceptionScore | None = None
        self.kid: KernelInceptionDistance | None = None
        self.prdc: PRDC | None = None
        if extractor is not None:
            width = extractor.num_features
            self.frechet = FrechetDistance(width)
            self.kid = KernelInceptionDistance(width, extractor.kernel_scale) if kid else None
            self.prdc = PRDC(width, neighbors) if neighbors else None
            self.class_histogram = (
                ClassHistogram(extractor.num_classes, extractor.rejects) if extractor.num_classes else None
            )
            self.inception_score = InceptionScore(extractor.objects) if extractor.objects else None
            self.class_frechet = ClassFrechet(width, num_labels) if 0 < num_labels <= MAX_CLASSES else None
        self.paired_images = PairedImageMetrics()
        self.segmentation = SegmentationMetrics(palette) if palette is not None else None
        self.perceptual = MeanPerceptualDistance(perceptual) if perceptual is not None else None
        self.cycle = MeanAbsoluteError()
        self.wrong = MeanMetric()
        # Not whether this process has compared an image: all processes must return the same scores.
        self._has_truth = self._has_cycles = self._has_classes = False
        self.register_buffer("seen", torch.zeros(2, dtype=torch.long), persistent=False)

    seen: Tensor
    """Numbers of real and of generated images that this process has added, (2,)."""

    def update_real(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add real images (N, C, H, W), uint8, and their labels (N,)."""
        self.seen[0] += len(images)
        if self.frechet is not None:
            self._add_features(self._extractor[0](images), labels, real=True)

    def _add_features(self, features: Tensor, labels: Tensor | None, real: bool) -> None:
        for metric in (self.frechet, self.kid, self.prdc):
            if metric is not None:
                metric.update(features, real=real)
        if self.class_frechet is not None:
            self.class_frechet.update(features, real, labels)

    def update_fake(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add generated images (N, C, H, W), uint8, and the labels (N,) that they are conditioned on."""
        self.seen[1] += len(images)
        if self.frechet is None:
            return
        features = self._extractor[0](images)
        self._add_features(features, labels, real=False)
        if self.class_histogram is not None:
            self.class_histogram.update(self._extractor[0].classes(features), labels)
        if self.inception_score is not None:
            self.inception_score.update(self._extractor[0].logits(features))

    def update_truth(self, images: Tensor, truth: Tensor) -> None:
        """Compare generated images (N, C, H, W), uint8, with their ground truths; N may be 0."""
        self._has_truth = True
        if not len(images):
            return
        for metric in (self.paired_images, self.segmentation, self.perceptual):
            if metric is not None:
                metric.update(images, truth)

    def update_cycle(self, images: Tensor, source: Tensor) -> None:
        """Compare images (N, C, H, W), uint8, that were translated and back with their sources; N may be 0."""
        self._has_cycles = True
        if not len(images):
            return
        # torchmetrics' error views both as one dimension, which images in channels-last order do not allow.
        self.cycle.update(images.contiguous() / 255, source.contiguous() / 255)

    def update_predicted(self, predicted: Tensor, labels: Tensor) -> None:
        """Compare the classes (N,) that a classifier gives real images with their labels (N,); N may be 0."""
        self._has_classes = True
        if len(labels):
            self.wrong.update((predicted != labels).float())

    def classification_error(self) -> float | None:
        """The share of real images with a wrong class; None without a classifier. Every process must call it."""
        return self.wrong.compute().item() if self._has_classes else None

    def counts(self) -> tuple[Tensor, Tensor]:
        """Numbers of real images, those of loaded statistics included, and of generated ones, of this process."""
        real = self.seen[0] if self.frechet is None else self.frechet.real_features_num_samples
        return real, self.seen[1]

    # The real images' statistics, which do not change from one evaluation to the next.

    def _feature_set_metrics(self) -> list[FeatureSetMetric]:
        """The metrics that keep the real images' features, the same for all."""
        return [metric for metric in (self.kid, self.prdc, self.class_frechet) if metric is not None]

    @property
    def real_names(self) -> set[str]:
        """Names of the tensors in :meth:`real_state`."""
        names = set(REAL_STATES) if self.frechet is not None else set()
        if self._feature_set_metrics():
            names.add("features")
        return names | ({"labels"} if self.class_frechet is not None else set())

    def real_state(self) -> dict[str, Tensor]:
        """Statistics of the real images of all processes, on the CPU; every process must call it."""
        state: dict[str, Tensor] = {}
        if self.frechet is not None:
            with self.frechet.sync_context():
                state |= self.frechet.real_state()
        for metric in self._feature_set_metrics()[-1:]:
            with metric.sync_context():
                state["features"] = metric.gathered(real=True)
                if isinstance(metric, ClassFrechet):
                    state["labels"] = metric.gathered_labels(real=True)
        return {name: value.detach().cpu().clone() for name, value in state.items()}

    def num_real(self, state: dict[str, Tensor]) -> int:
        """Number of the real images whose statistics are in a state; 0 if its parts are of different numbers."""
        counts = {int(state[NUM_REAL])} if NUM_REAL in state else set()
        counts |= {len(state[name]) for name in ("features", "labels") if name in state}
        return counts.pop() if len(counts) == 1 else 0

    def load_real_state(self, state: dict[str, Tensor]) -> None:
        """Load the statistics of :meth:`real_state` instead of adding real images; on one process only."""
        if self.frechet is not None:
            self.frechet.load_real_state(state)
        for metric in self._feature_set_metrics():
            metric.real.append(state["features"].to(metric.device))
            if isinstance(metric, ClassFrechet):
                metric.real_labels.append(state["labels"].to(metric.device))

    def names(self, *, labels: bool, truth: bool, cycles: bool) -> list[str]:
        """Names of the scores that :meth:`compute` will return.

        Args:
            labels: whether generated images are conditioned on labels.
            truth: whether there are ground truths.
            cycles: whether images are translated back.
        """
        names = [name for metric in self._metrics(truth) for name in metric.names]
        names += ["cycle_l1"] if cycles else []
        return [name for name in names if labels or name != "label_accuracy"]

    def _metrics(self, truth: bool) -> list[Any]:
        """The metrics that return several scores, without or with those that compare with ground truths."""
        metrics: list[Any] = [self.frechet, self.kid, self.prdc, self.class_histogram, self.inception_score]
        metrics.append(self.class_frechet)
        if truth:
            metrics += [self.paired_images, self.segmentation, self.perceptual]
        return [metric for metric in metrics if metric is not None]

    def compute(self) -> dict[str, float]:
        """All scores by name, of the images of all processes; every process must call it."""
        computed = [metric.compute() for metric in self._metrics(self._has_truth)]
        scores = {name: value.item() for values in computed for name, value in values.items()}
        if self._has_cycles:
            scores["cycle_l1"] = self.cycle.compute().item()
        return scores
