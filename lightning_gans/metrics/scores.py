"""The metric set: one pass over the images, one extractor, many scores."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.metrics.classes import Classes
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.frechet import FrechetDistance


class Scores(nn.Module):
    """FID, relative FID and, if the extractor is a classifier, the spread over classes.

    Args:
        extractor: in whose features to compare.
    """

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        # In a list, not as a child: several sets share one extractor.
        self._extractor = [extractor]
        self.frechet = FrechetDistance(extractor.num_features)
        self.classes = Classes(extractor.num_classes) if extractor.num_classes else None

    def update_real(self, images: Tensor) -> None:
        """Add real images (N, C, H, W), uint8."""
        self.frechet.update(self._extractor[0](images), real=True)

    def update_fake(self, images: Tensor, labels: Tensor | None = None) -> None:
        """Add generated images (N, C, H, W), uint8, and the labels (N,) that they were asked for."""
        features = self._extractor[0](images)
        self.frechet.update(features, real=False)
        if self.classes is not None:
            self.classes.update(self._extractor[0].logits(features).argmax(dim=1), labels)

    def compute(self) -> dict[str, float]:
        """All scores by name, over all processes; to be called on each of them."""
        parts = [self.frechet] if self.classes is None else [self.frechet, self.classes]
        return {key: value.item() for part in parts for key, value in part.compute().items()}

    def reset(self) -> None:
        """Forget all images."""
        self.frechet.reset()
        if self.classes is not None:
            self.classes.reset()
