"""Frechet distance between two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

REAL_STATES = ("real_features_sum", "real_features_cov_sum", "real_features_num_samples")


class _Ready(nn.Module):
    """Stands where torchmetrics expects a network: the features are computed once, outside, for all metrics."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features.double()


class FrechetDistance(FrechetInceptionDistance):
    """FID on ready features, beside the same number relative to the spread of the real ones.

    Sums and their exchange between processes are torchmetrics'; the distance itself is :func:`frechet_distance`.

    FID scales with the extractor's features. Divided by the trace of the real features' covariance it does not: 0 is a
    perfect match, and a generator that always gives the mean image scores 1.

    ``spread`` is the same trace of the generated features over that of the real ones: 1 for a match, 0 where all
    generated images are the same.

    Args:
        num_features: length D of a feature vector.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(feature=_Ready(num_features))

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """``fid``, ``relative_fid`` and ``spread``, float64 scalars.

        Raises:
            RuntimeError: with fewer than two real or two generated images.
        """
        real, fake = self._moments("real"), self._moments("fake")
        fid = frechet_distance(*real, *fake)
        spread = real[1].trace()
        return {"fid": fid, "relative_fid": fid / spread, "spread": fake[1].trace() / spread}

    def _moments(self, kind: str) -> tuple[Tensor, Tensor]:
        """Mean (D,) and covariance (D, D) of the real or the generated features."""
        total, products, count = (
            getattr(self, f"{kind}_features_{name}") for name in ("sum", "cov_sum", "num_samples")
        )
        if count < 2:
            raise RuntimeError(f"FID of {count} {kind} image(s); expected at least 2")
        mean = total / count
        return mean, (products - count * torch.outer(mean, mean)) / (count - 1)

    def real_state(self) -> dict[str, Tensor]:
        """The real images' statistics, of all processes where they are in sync."""
        return {name: getattr(self, name) for name in REAL_STATES}

    def load_real_state(self, state: dict[str, Tensor]) -> None:
        """Set the real images' statistics, in place of updating with the images."""
        for name in REAL_STATES:
            setattr(self, name, state[name].to(self.device))
        self._update_count = max(self._update_count, 1)


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> Tensor:
    r"""Squared Frechet distance between two Gaussians, :math:`|\mu_a - \mu_b|^2 + tr(A + B - 2 (A B)^{1/2})`.

    (Heusel et al., 2017, eq. 6.) With :math:`A = R R^T`, :math:`A B` has the eigenvalues of the symmetric
    :math:`R^T B R`, whose roots sum up to the trace. R has a column for each direction in which A extends: with fewer
    images than features that is fewer than D, and the work shrinks with them.

    Args:
        mean_a: (D,), float64, as all.
        covariance_a: (D, D).
        mean_b: (D,).
        covariance_b: (D, D).

    Returns:
        A scalar, at least 0 but for rounding.
    """
    values, vectors = torch.linalg.eigh(covariance_a)
    # Beyond what rounding leaves of a zero.
    extends = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    root = vectors[:, extends] * values[extends].sqrt()
    overlap = torch.linalg.eigvalsh(root.T @ covariance_b @ root).clamp(min=0).sqrt().sum()
    distance: Tensor = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * overlap
    return distance
