"""What metrics share that compare sets of features and not their moments."""

from __future__ import annotations

from abc import ABC
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class FeatureSetMetric(Metric, ABC):
    """Keeps the features of real and of generated images until they are compared.

    Several such metrics that are given the same tensors keep them once.

    Args:
        num_features: length D of a feature vector.
    """

    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, real: bool) -> None:
        """Add features (N, D), finite, of real or of generated images; float32 is what is kept of them."""
        (self.real if real else self.fake).append(features.float())

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Exchange the features between processes; one without an image takes part with none."""
        for features in (self.real, self.fake):
            if not features:
                features.append(torch.empty(0, self.num_features, device=self.device))
        super().sync(*args, **kwargs)

    def gathered(self, real: bool) -> Tensor:
        """All features (N, D), float32, of real or of generated images, of all processes where they are in sync."""
        features = self.real if real else self.fake
        # Empty parts are of the same width, so that they disappear.
        return dim_zero_cat(features) if len(features) else torch.empty(0, self.num_features, device=self.device)
