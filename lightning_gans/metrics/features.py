"""Feature extractors: the networks in whose features two sets of images are compared.

An extractor is chosen by class path, e.g. ``--evaluation.extractor InceptionFeatures``. It maps images to feature
vectors and says in :attr:`FeatureExtractor.description` all that can change a score: its name, the hash of its weights
and how it resizes. Extractors live in callbacks, never in a model: no checkpoint holds one.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor, nn


class FeatureExtractor(nn.Module, ABC):
    """Maps images to feature vectors for the metrics.

    Attributes:
        num_features: length D of a feature vector; torchmetrics reads it under this name.
        num_classes: number of classes that :meth:`logits` tells apart; 0 where the extractor is no classifier.
        objects: number of ImageNet's classes in :meth:`logits`, from which the Inception score follows; else 0.
    """

    num_features: int
    num_classes: int = 0
    objects: int = 0

    @property
    @abstractmethod
    def description(self) -> str:
        """Name, weights' hash and resize, in one line without spaces around ``|`` or ``,``."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D), float32, of uint8 images (N, C, H, W) with C = 1 or 3."""

    def logits(self, features: Tensor) -> Tensor:
        """Class logits (N, num_classes), or (N, objects), of features (N, D)."""
        raise NotImplementedError(f"{type(self).__name__} is no classifier")


def file_hash(path: Path) -> str:
    """First 8 hex digits of the SHA-256 of a file: enough to tell weights apart in a stamp."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
