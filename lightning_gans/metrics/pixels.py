"""The ``pixels`` extractor: the image itself."""

from __future__ import annotations

from torch import Tensor

from lightning_gans.core.errors import InputError, at_least
from lightning_gans.metrics.features import FeatureExtractor


class PixelFeatures(FeatureExtractor):
    """Pixels as features, in [-1, 1]: right for points in the plane, poor for pictures.

    Args:
        num_features: C * H * W of the images.

    Raises:
        InputError: if ``num_features`` is less than 1.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        at_least("evaluation.extractor.num_features", num_features, 1)
        self.num_features = num_features

    @property
    def description(self) -> str:
        """Name and number of pixels."""
        return f"pixels-{self.num_features}"

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, C * H * W) of uint8 images (N, C, H, W).

        Raises:
            InputError: if the images have another number of pixels.
        """
        flat = images.flatten(1).float() / 127.5 - 1
        if flat.shape[1] != self.num_features:
            raise InputError(
                f"evaluation.extractor.num_features is {self.num_features}, but an image has {flat.shape[1]} values; "
                "expected the same"
            )
        return flat
