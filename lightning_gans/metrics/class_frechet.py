"""Frechet distance of each class by itself."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lightning_gans.metrics.frechet import frechet_distance
from lightning_gans.metrics.kept import FeatureSetMetric

MOST_CLASSES = 100
"""With more classes than these each would have too few images, and there would be too many numbers."""


class ClassFrechet(FeatureSetMetric):
    """FID between the real images of a class and the generated ones that were asked to be of it.

    ``class_fid`` is the mean over classes, ``class_fid_worst`` the largest, ``class_fid_3`` that of class 3. Where
    there are ten classes each has a tenth of the images, and a larger bias: these scores compare with those of another
    run, not with ``fid``. A class with fewer than two real or generated images has NaN, and so have mean and largest.

    Args:
        num_features: length D of a feature vector.
        num_classes: number of classes K.
    """

    real_labels: list[Tensor]
    fake_labels: list[Tensor]

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__(num_features)
        self.num_classes = num_classes
        self.add_state("real_labels", [], dist_reduce_fx="cat")
        self.add_state("fake_labels", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, real: bool, labels: Tensor | None = None) -> None:
        """Add features (N, D) of images with labels (N,), int64, in [0, K).

        Raises:
            ValueError: without labels.
        """
        if labels is None:
            raise ValueError("FID of each class needs labels")
        super().update(features, real)
        (self.real_labels if real else self.fake_labels).append(labels)

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Exchange the features between processes; one without an image takes part with none."""
        for labels in (self.real_labels, self.fake_labels):
            if not labels:
                labels.append(torch.empty(0, dtype=torch.long, device=self.device))
        super().sync(*args, **kwargs)

    def gathered_labels(self, real: bool) -> Tensor:
        """All labels (N,), in the order of the features."""
        labels = self.real_labels if real else self.fake_labels
        return dim_zero_cat(labels) if len(labels) else torch.empty(0, dtype=torch.long, device=self.device)

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars."""
        real, fake = self.gathered(real=True), self.gathered(real=False)
        real_labels, fake_labels = self.gathered_labels(real=True), self.gathered_labels(real=False)
        distances = [
            distance_of(real[real_labels == label], fake[fake_labels == label]) for label in range(self.num_classes)
        ]
        each = torch.stack(distances)
        named = {f"class_fid_{label}": distance for label, distance in enumerate(distances)}
        return {"class_fid": each.mean(), "class_fid_worst": each.max(), **named}


def distance_of(real: Tensor, fake: Tensor) -> Tensor:
    """FID of features (N, D) and (M, D); NaN with fewer than two of either."""
    if min(len(real), len(fake)) < 2:
        return torch.full((), math.nan, dtype=torch.float64, device=real.device)
    moments = [(x.mean(dim=0), torch.cov(x.T)) for x in (real.double(), fake.double())]
    return frechet_distance(*moments[0], *moments[1])
