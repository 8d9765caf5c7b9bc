"""The metric set: one pass over the images, one extractor, many scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, Metric

from lightning_gans.metrics.classes import Classes
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.fidelity import Fidelity
from lightning_gans.metrics.frechet import FrechetDistance
from lightning_gans.metrics.kernel import KernelDistance
from lightning_gans.metrics.perceptual import MeanPerceptualDistance, PerceptualDistance
from lightning_gans.metrics.segmentation import Segmentation


class Scores(nn.Module):
    """All scores that the images allow.

    - With an extractor FID and relative FID, and KID if asked for; if it is a classifier, the spread over classes.
    - Where each generated image has its truth: L1, PSNR, SSIM, and LPIPS if its network is given; for label maps, whose
      palette is given, accuracy and mean IoU.
    - Where images were translated there and back: ``cycle_l1``, the mean absolute difference of values in [0, 1].

    Args:
        extractor: in whose features to compare; None compares with the truth alone.
        palette: colours (K, C) of the classes, uint8, if the images are label maps.
        perceptual: the network of LPIPS.
        kid: measure KID too.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | None,
        palette: Tensor | None = None,
        perceptual: PerceptualDistance | None = None,
        kid: bool = False,
    ) -> None:
        super().__init__()
        # In a list, not as a child: several sets share one extractor.
        self._extractor = [] if extractor is None else [extractor]
        self.frechet = FrechetDistance(extractor.num_features) if extractor is not None else None
        self.kernel = KernelDistance() if extractor is not None and kid else None
        self.classes = Classes(extractor.num_classes) if extractor is not None and extractor.num_classes else None
        self.fidelity = Fidelity()
        self.segmentation = Segmentation(palette) if palette is not None else None
        self.perceptual = MeanPerceptualDistance(perceptual) if perceptual is not None else None
        self.cycle = MeanAbsoluteError()
        self.register_buffer("seen", torch.zeros(2, dtype=torch.long), persistent=False)

    seen: Tensor
    """Number of real and of generated images that this process has added."""

    def update_real(self, images: Tensor) -> None:
        """Add real images (N, C, H, W), uint8."""
        self.seen[0] += len(images)
        if self.frechet is not None:
            self._add_features(self._extractor[0](images), real=True)

    def _add_features(self, features: Tensor, real: bool) -> None:
        for metric in (self.frechet, self.kernel):
            if metric is not None:
                metric.update(features, real=real)

    def update_fake(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add generated images (N, C, H, W), uint8, and the labels (N,) that they were asked for."""
        self.seen[1] += len(images)
        if self.frechet is None:
            return
        features = self._extractor[0](images)
        self._add_features(features, real=False)
        if self.classes is not None:
            self.classes.update(self._extractor[0].logits(features).argmax(dim=1), labels)

    def update_truth(self, images: Tensor, truth: Tensor) -> None:
        """Compare generated images (N, C, H, W), uint8, each with its truth."""
        for metric in (self.fidelity, self.segmentation, self.perceptual):
            if metric is not None:
                metric.update(images, truth)

    def update_cycle(self, images: Tensor, source: Tensor) -> None:
        """Compare images (N, C, H, W), uint8, that went there and back with what they were."""
        self.cycle.update(images.float() / 255, source.float() / 255)

    def counts(self) -> tuple[Tensor, Tensor]:
        """Number of real images, which an earlier run may have counted, and of generated ones, of this process."""
        real = self.seen[0] if self.frechet is None else self.frechet.real_features_num_samples
        return real, self.seen[1]

    def compute(self) -> dict[str, float]:
        """All scores by name, over all processes; to be called on each of them."""
        parts: list[Metric | None] = [self.frechet, self.kernel, self.classes]
        if self.fidelity.update_called:
            parts += [self.fidelity, self.segmentation, self.perceptual]
        scores = {key: value.item() for part in parts if part is not None for key, value in part.compute().items()}
        if self.cycle.update_called:
            scores["cycle_l1"] = self.cycle.compute().item()
        return scores
