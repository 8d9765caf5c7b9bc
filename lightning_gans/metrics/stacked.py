"""The ``stacked-digits`` extractor: the shipped digit classifier on each of three channels."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.digits import DigitFeatures
from lightning_gans.metrics.features import FeatureExtractor


class StackedDigitFeatures(FeatureExtractor):
    """Features and classes of Stacked MNIST's images: three digits as channels, 1000 classes (hundreds first).

    Args:
        weights: as of :class:`DigitFeatures`.
    """

    num_features = 3 * DigitFeatures.num_features
    num_classes = DigitFeatures.num_classes**3

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.digits = DigitFeatures(weights)

    @property
    def description(self) -> str:
        """Name, weights' hash and resize."""
        return f"stacked-{self.digits.description}"

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 192) of uint8 images (N, 3, H, W): those of each channel side by side.

        Raises:
            InputError: if there are not three channels.
        """
        if images.shape[1] != 3:
            raise InputError(
                f"evaluation.extractor is StackedDigitFeatures, but the images have {images.shape[1]} channel(s); "
                "expected 3, as of StackedMNISTDataModule"
            )
        features: Tensor = self.digits(images.flatten(0, 1)[:, None])
        return features.view(len(images), -1)

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Class logits (N, 1000) of features (N, 192): the sum of the three digits' log-probabilities."""
        first, second, third = self.digits.logits(features.view(len(features), 3, -1)).log_softmax(dim=2).unbind(dim=1)
        return (first[:, :, None, None] + second[:, None, :, None] + third[:, None, None, :]).flatten(1)
