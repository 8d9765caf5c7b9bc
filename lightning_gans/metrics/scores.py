"""The metric set: one pass over the images, one extractor, many scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, Metric

from lightning_gans.metrics.class_frechet import MOST_CLASSES, ClassFrechet
from lightning_gans.metrics.classes import Classes
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.fidelity import Fidelity
from lightning_gans.metrics.frechet import REAL_STATES, FrechetDistance
from lightning_gans.metrics.inception_score import InceptionScore
from lightning_gans.metrics.kept import FeatureSetMetric
from lightning_gans.metrics.kernel import KernelDistance
from lightning_gans.metrics.neighbours import Neighbours
from lightning_gans.metrics.perceptual import MeanPerceptualDistance, PerceptualDistance
from lightning_gans.metrics.segmentation import Segmentation


class Scores(nn.Module):
    """All scores that the images allow.

    - With an extractor FID, relative FID and spread; KID, and precision, recall, density and coverage, if asked for; if
      it is a classifier, the spread over classes; if it is Inception, the Inception score; if generated images were
      asked to be of a class, FID of each class.
    - Where each generated image has its truth: L1, PSNR, SSIM, and LPIPS if its network is given; for label maps, whose
      palette is given, accuracy and mean IoU.
    - Where images were translated there and back: ``cycle_l1``, the mean absolute difference of values in [0, 1].

    Args:
        extractor: in whose features to compare; None compares with the truth alone.
        palette: colours (K, C) of the classes, uint8, if the images are label maps.
        perceptual: the network of LPIPS.
        kid: measure KID.
        neighbours: k of precision, recall, density and coverage; 0 does not measure them.
        asked_classes: number of classes that generated images are asked to be of; 0 where they are not.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | None,
        palette: Tensor | None = None,
        perceptual: PerceptualDistance | None = None,
        kid: bool = False,
        neighbours: int = 0,
        asked_classes: int = 0,
    ) -> None:
        super().__init__()
        # In a list, not as a child: several sets share one extractor.
        self._extractor = [] if extractor is None else [extractor]
        self.frechet: FrechetDistance | None = None
        self.classes: Classes | None = None
        self.class_frechet: ClassFrechet | None = None
        self.inception_score: InceptionScore | None = None
        self.kernel: KernelDistance | None = None
        self.neighbours: Neighbours | None = None
        if extractor is not None:
            width = extractor.num_features
            self.frechet = FrechetDistance(width)
            self.kernel = KernelDistance(width) if kid else None
            self.neighbours = Neighbours(width, neighbours) if neighbours else None
            self.classes = Classes(extractor.num_classes) if extractor.num_classes else None
            self.inception_score = InceptionScore(extractor.objects) if extractor.objects else None
            self.class_frechet = ClassFrechet(width, asked_classes) if 0 < asked_classes <= MOST_CLASSES else None
        self.fidelity = Fidelity()
        self.segmentation = Segmentation(palette) if palette is not None else None
        self.perceptual = MeanPerceptualDistance(perceptual) if perceptual is not None else None
        self.cycle = MeanAbsoluteError()
        # Not whether this process has compared an image: the scores must be the same on all.
        self._compares_truth = self._compares_cycles = False
        self.register_buffer("seen", torch.zeros(2, dtype=torch.long), persistent=False)

    seen: Tensor
    """Number of real and of generated images that this process has added."""

    def update_real(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add real images (N, C, H, W), uint8, and their labels (N,)."""
        self.seen[0] += len(images)
        if self.frechet is not None:
            self._add_features(self._extractor[0](images), labels, real=True)

    def _add_features(self, features: Tensor, labels: Tensor | None, real: bool) -> None:
        for metric in (self.frechet, self.kernel, self.neighbours):
            if metric is not None:
                metric.update(features, real=real)
        if self.class_frechet is not None:
            self.class_frechet.update(features, real, labels)

    def update_fake(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add generated images (N, C, H, W), uint8, and the labels (N,) that they were asked for."""
        self.seen[1] += len(images)
        if self.frechet is None:
            return
        features = self._extractor[0](images)
        self._add_features(features, labels, real=False)
        if self.classes is not None:
            self.classes.update(self._extractor[0].logits(features).argmax(dim=1), labels)
        if self.inception_score is not None:
            self.inception_score.update(self._extractor[0].logits(features))

    def update_truth(self, images: Tensor, truth: Tensor) -> None:
        """Compare generated images (N, C, H, W), uint8, each with its truth; N may be 0."""
        self._compares_truth = True
        if not len(images):
            return
        for metric in (self.fidelity, self.segmentation, self.perceptual):
            if metric is not None:
                metric.update(images, truth)

    def update_cycle(self, images: Tensor, source: Tensor) -> None:
        """Compare images (N, C, H, W), uint8, that went there and back with what they were; N may be 0."""
        self._compares_cycles = True
        if not len(images):
            return
        self.cycle.update(images.float() / 255, source.float() / 255)

    def counts(self) -> tuple[Tensor, Tensor]:
        """Number of real images, which an earlier run may have counted, and of generated ones, of this process."""
        real = self.seen[0] if self.frechet is None else self.frechet.real_features_num_samples
        return real, self.seen[1]

    # The real images' part, which does not change from one evaluation to the next.

    def _keeping(self) -> list[FeatureSetMetric]:
        """The metrics that keep the real images' features; they all keep the same ones."""
        return [metric for metric in (self.kernel, self.neighbours, self.class_frechet) if metric is not None]

    @property
    def real_names(self) -> set[str]:
        """The names in :meth:`real_state`."""
        names = set(REAL_STATES) if self.frechet is not None else set()
        if self._keeping():
            names.add("features")
        return names | ({"labels"} if self.class_frechet is not None else set())

    def real_state(self) -> dict[str, Tensor]:
        """What the metrics know of the real images of all processes, on the CPU; to be called on each of them."""
        state: dict[str, Tensor] = {}
        if self.frechet is not None:
            with self.frechet.sync_context():
                state |= self.frechet.real_state()
        for metric in self._keeping()[-1:]:
            with metric.sync_context():
                state["features"] = metric.gathered(real=True)
                if isinstance(metric, ClassFrechet):
                    state["labels"] = metric.gathered_labels(real=True)
        return {name: value.detach().cpu().clone() for name, value in state.items()}

    def load_real_state(self, state: dict[str, Tensor]) -> None:
        """Know the real images of :meth:`real_state` in place of adding them; on one process only."""
        if self.frechet is not None:
            self.frechet.load_real_state(state)
        for metric in self._keeping():
            metric.real.append(state["features"].to(metric.device))
            if isinstance(metric, ClassFrechet):
                metric.real_labels.append(state["labels"].to(metric.device))

    def compute(self) -> dict[str, float]:
        """All scores by name, over all processes; to be called on each of them."""
        parts: list[Metric | None] = [self.frechet, self.kernel, self.neighbours, self.classes, self.inception_score]
        parts.append(self.class_frechet)
        if self._compares_truth:
            parts += [self.fidelity, self.segmentation, self.perceptual]
        scores = {key: value.item() for part in parts if part is not None for key, value in part.compute().items()}
        if self._compares_cycles:
            scores["cycle_l1"] = self.cycle.compute().item()
        return scores
