"""Base class of the metrics that compare sets of features rather than their moments."""

from __future__ import annotations

from abc import ABC
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class FeatureSetMetric(Metric, ABC):
    """Keeps the features of real and of generated images in memory until :meth:`compute`.

    Several such metrics that are updated with the same tensors share their memory.

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
        """Add finite features (N, D) of real or of generated images; they are kept in float32."""
        (self.real if real else self.fake).append(features.float())

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the features of all processes; a process without images contributes none."""
        for features in (self.real, self.fake):
            if not features:
                features.append(torch.empty(0, self.num_features, device=self.device))
        super().sync(*args, **kwargs)

    def gathered(self, real: bool) -> Tensor:
        """All features (N, D), float32, of real or of generated images; of all processes inside ``sync_context``."""
        features = self.real if real else self.fake
        # Empty tensors have D columns too, so that they can be concatenated.
        return dim_zero_cat(features) if len(features) else torch.empty(0, self.num_features, device=self.device)
