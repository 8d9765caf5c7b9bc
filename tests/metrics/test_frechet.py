"""Frechet distance, against scipy's matrix root and torchmetrics' eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor
from torchmetrics.image.fid import _compute_fid

from lightning_gans.metrics.frechet import FrechetDistance, frechet_distance


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), torch.cov(features.T)


def by_scipy(a: Tensor, b: Tensor) -> float:
    (mean_a, cov_a), (mean_b, cov_b) = ([part.numpy() for part in moments(x)] for x in (a, b))
    root = linalg.sqrtm(cov_a @ cov_b)
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * np.real(root)))


def correlated(count: int, width: int, shift: float = 0.0) -> Tensor:
    mixing = torch.randn(width, width, dtype=torch.float64) / width**0.5
    features: Tensor = torch.randn(count, width, dtype=torch.float64) @ mixing + shift
    return features


@pytest.mark.parametrize("counts", [(500, 400), (500, 40), (40, 500)])
def test_it_is_that_of_scipys_matrix_root(counts: tuple[int, int]) -> None:
    a, b = correlated(counts[0], 30), correlated(counts[1], 30, shift=0.3)
    assert frechet_distance(*moments(a), *moments(b)).item() == pytest.approx(by_scipy(a, b), rel=1e-6)


@pytest.mark.parametrize("counts", [(20, 500), (500, 20), (20, 15)])
def test_features_of_rank_below_their_number_are_no_trouble(counts: tuple[int, int]) -> None:
    """With 20 images the covariance of 64 features has rank 19."""
    a, b = correlated(counts[0], 64), correlated(counts[1], 64, shift=0.3)
    found = frechet_distance(*moments(a), *moments(b))
    # Another way to the same trace: nuclear norm of the product of the centred features themselves.
    centred = [(x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (a, b)]
    overlap = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    spread = sum(torch.cov(x.T).trace() for x in (a, b))
    expected = (a.mean(0) - b.mean(0)).square().sum() + spread - 2 * overlap
    assert found.item() == pytest.approx(expected.item(), rel=1e-7)
    torch.testing.assert_close(found, _compute_fid(*moments(a), *moments(b)), rtol=1e-5, atol=0)
    assert frechet_distance(*moments(b), *moments(a)).item() == pytest.approx(found.item(), rel=1e-7)


def test_gaussians_that_commute_have_a_closed_form() -> None:
    a, b = torch.rand(2, 8, dtype=torch.float64)
    zero = torch.zeros(8, dtype=torch.float64)
    found = frechet_distance(zero, a.diag(), zero + 1, b.diag())
    assert found.item() == pytest.approx(8 + (a.sqrt() - b.sqrt()).square().sum().item(), rel=1e-12)


def test_no_spread_leaves_the_distance_of_the_means() -> None:
    nothing = torch.zeros(3, 3, dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    assert frechet_distance(zero, nothing, zero + 2, nothing).item() == 12


def test_one_image_has_no_covariance() -> None:
    metric = FrechetDistance(3)
    metric.update(torch.randn(1, 3), real=True)
    metric.update(torch.randn(5, 3), real=False)
    with pytest.raises(RuntimeError, match=r"FID of 1 real image\(s\); expected at least 2"):
        metric.compute()
