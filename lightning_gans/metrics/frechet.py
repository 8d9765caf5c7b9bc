"""Frechet distance between two sets of features, of all images and of each class."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.utilities import dim_zero_cat

from lightning_gans.metrics.features import FeatureSetMetric

MAX_CLASSES = 100
"""With more classes each would have too few images, and there would be too many numbers."""

NUM_REAL = "real_features_num_samples"

REAL_STATES = ("real_features_sum", "real_features_cov_sum", NUM_REAL)


class PrecomputedFeatures(nn.Module):
    """Takes the place of torchmetrics' network: the features are computed once, outside, for all metrics.

    Args:
        num_features: length D of a feature vector.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """The features (N, D) in float64."""
        return features.double()


class FrechetDistance(FrechetInceptionDistance):
    """FID from precomputed features, also relative to the variance of the real ones.

    The sums and their reduction over processes are torchmetrics'; the distance is :func:`frechet_distance`.

    - ``fid``: the distance. Its scale is that of the extractor's features.
    - ``relative_fid``: FID divided by the trace of the real features' covariance, which removes the scale: 0 is a
      perfect match, and a generator whose images all have the mean of the real features scores 1.
    - ``variance_ratio``: the trace of the generated features' covariance divided by that of the real ones: 1 for a
      match, 0 if all generated images are equal.

    Args:
        num_features: length D of a feature vector.
    """

    names = ("fid", "relative_fid", "variance_ratio")

    def __init__(self, num_features: int) -> None:
        super().__init__(feature=PrecomputedFeatures(num_features))

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """The scores, float64 scalars; NaN with fewer than two real or two generated images."""
        if min(self.real_features_num_samples, self.fake_features_num_samples) < 2:
            return {name: torch.tensor(math.nan, dtype=torch.float64, device=self.device) for name in self.names}
        real, fake = self._moments("real"), self._moments("fake")
        fid = frechet_distance(*real, *fake)
        variance = real[1].trace()
        return {"fid": fid, "relative_fid": fid / variance, "variance_ratio": fake[1].trace() / variance}

    def _moments(self, kind: str) -> tuple[Tensor, Tensor]:
        """Mean (D,) and covariance (D, D) of the real or the generated features."""
        total, products, count = (
            getattr(self, f"{kind}_features_{name}") for name in ("sum", "cov_sum", "num_samples")
        )
        mean = total / count
        return mean, (products - count * torch.outer(mean, mean)) / (count - 1)

    def real_state(self) -> dict[str, Tensor]:
        """The real images' statistics; of all processes inside ``sync_context``."""
        return {name: getattr(self, name) for name in REAL_STATES}

    def load_real_state(self, state: dict[str, Tensor]) -> None:
        """Set the real images' statistics instead of updating with the images."""
        for name in REAL_STATES:
            setattr(self, name, state[name].to(self.device))
        # No images: it changes no sum, but torchmetrics warns of a metric that was never updated.
        self.update(state["real_features_sum"].new_empty(0, len(state["real_features_sum"])).to(self.device), real=True)


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> Tensor:
    r"""Squared Frechet distance between two Gaussians, :math:`|\mu_a - \mu_b|^2 + tr(A + B - 2 (A B)^{1/2})`.

    (Heusel et al., 2017, eq. 6.) With :math:`A = R R^T`, the nonzero eigenvalues of :math:`A B` are those of the
    symmetric :math:`R^T B R`, and their square roots sum up to the trace. R has one column for each nonzero eigenvalue
    of A; with fewer images than features these are fewer than D, which makes it faster.

    Args:
        mean_a: (D,), float64, as all.
        covariance_a: (D, D).
        mean_b: (D,).
        covariance_b: (D, D).

    Returns:
        A scalar, at least 0 up to rounding.
    """
    values, vectors = torch.linalg.eigh(covariance_a)
    # Larger than the rounding error of a zero.
    nonzero = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    root = vectors[:, nonzero] * values[nonzero].sqrt()
    overlap = torch.linalg.eigvalsh(root.T @ covariance_b @ root).clamp(min=0).sqrt().sum()
    distance: Tensor = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * overlap
    return distance


class ClassFrechet(FeatureSetMetric):
    """FID between the real images of each class and the generated images that are conditioned on it.

    ``class_fid`` is the mean over classes, ``class_fid_worst`` the largest value, ``class_fid_3`` that of class 3. With
    ten classes each has a tenth of the images and therefore a larger bias: compare these scores with those of another
    run, not with ``fid``. A class with fewer than two real or generated images scores NaN, as do mean and largest.

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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores."""
        return ("class_fid", "class_fid_worst", *(f"class_fid_{label}" for label in range(self.num_classes)))

    def update(self, features: Tensor, real: bool, labels: Tensor | None = None) -> None:
        """Add features (N, D) of images with labels (N,), int64, in [0, K).

        Raises:
            ValueError: if ``labels`` is None.
        """
        if labels is None:
            raise ValueError("labels is None; expected the images' labels for the FID of each class")
        super().update(features, real)
        (self.real_labels if real else self.fake_labels).append(labels)

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the features of all processes; a process without images contributes none."""
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
            class_distance(real[real_labels == label], fake[fake_labels == label]) for label in range(self.num_classes)
        ]
        values = torch.stack(distances)
        named = {f"class_fid_{label}": distance for label, distance in enumerate(distances)}
        return {"class_fid": values.mean(), "class_fid_worst": values.max(), **named}


def class_distance(real: Tensor, fake: Tensor) -> Tensor:
    """FID of features (N, D) and (M, D); NaN with fewer than two of either."""
    if min(len(real), len(fake)) < 2:
        return torch.full((), math.nan, dtype=torch.float64, device=real.device)
    moments = [(x.mean(dim=0), torch.cov(x.T)) for x in (real.double(), fake.double())]
    return frechet_distance(*moments[0], *moments[1])
