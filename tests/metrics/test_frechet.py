"""Frechet distance of all images and of each class, against scipy's matrix root and torchmetrics' eigenvalues."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor
from torchmetrics.image.fid import _compute_fid

from lightning_gans.metrics.frechet import ClassFrechet, FrechetDistance, frechet_distance


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
    # Another way to the same trace: nuclear norm of the product of the centered features themselves.
    centered = [(x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (a, b)]
    overlap = torch.linalg.svdvals(centered[0] @ centered[1].T).sum()
    variance = sum(torch.cov(x.T).trace() for x in (a, b))
    expected = (a.mean(0) - b.mean(0)).square().sum() + variance - 2 * overlap
    assert found.item() == pytest.approx(expected.item(), rel=1e-7)
    torch.testing.assert_close(found, _compute_fid(*moments(a), *moments(b)), rtol=1e-5, atol=0)
    assert frechet_distance(*moments(b), *moments(a)).item() == pytest.approx(found.item(), rel=1e-7)


def test_gaussians_that_commute_have_a_closed_form() -> None:
    a, b = torch.rand(2, 8, dtype=torch.float64)
    zero = torch.zeros(8, dtype=torch.float64)
    found = frechet_distance(zero, a.diag(), zero + 1, b.diag())
    assert found.item() == pytest.approx(8 + (a.sqrt() - b.sqrt()).square().sum().item(), rel=1e-12)


def test_no_variance_leaves_the_distance_of_the_means() -> None:
    nothing = torch.zeros(3, 3, dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    assert frechet_distance(zero, nothing, zero + 2, nothing).item() == 12


@pytest.mark.parametrize("counts", [(1, 5), (5, 1), (0, 0)])
def test_one_image_has_no_covariance(counts: tuple[int, int]) -> None:
    metric = FrechetDistance(3)
    for real, count in zip((True, False), counts, strict=True):
        metric.update(torch.randn(count, 3), real=real)
    scores = metric.compute()
    assert set(scores) == set(metric.names)
    assert all(score.isnan() for score in scores.values())


# The scores from sums over images.


def scores(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    metric = FrechetDistance(real.shape[1])
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return {key: value.item() for key, value in metric.compute().items()}


def test_frechet_distance_of_shifted_and_scaled_features_is_the_closed_form() -> None:
    real = torch.randn(500, 5, dtype=torch.float64)
    # The same cloud moved by 2 in every direction and stretched by 3: |m|^2 + (3 - 1)^2 tr C.
    fake = (real - real.mean(0)) * 3 + real.mean(0) + 2
    variance = torch.cov(real.T).trace().item()
    found = scores(real, fake)
    assert found["fid"] == pytest.approx(5 * 4 + 4 * variance, rel=1e-6)
    assert found["relative_fid"] == pytest.approx((5 * 4 + 4 * variance) / variance, rel=1e-6)


def test_relative_fid_is_zero_for_the_same_images_and_one_for_the_mean_image() -> None:
    real = torch.randn(400, 4)
    assert scores(real, real)["variance_ratio"] == pytest.approx(1)
    assert scores(real, 2 * real)["variance_ratio"] == pytest.approx(4)
    assert scores(real, real.mean(0).expand(10, 4))["variance_ratio"] == pytest.approx(0, abs=1e-9)
    assert scores(real, real)["relative_fid"] == pytest.approx(0, abs=1e-6)
    assert scores(real, real.mean(0).expand(10, 4))["relative_fid"] == pytest.approx(1, rel=1e-5)


def test_sums_over_images_agree_with_scipys_matrix_root() -> None:
    real, fake = torch.rand(300, 8).double(), (torch.rand(200, 8) ** 2).double()
    first, second = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    difference = real.mean(0).numpy() - fake.mean(0).numpy()
    expected = difference @ difference + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert scores(real, fake)["fid"] == pytest.approx(expected, rel=1e-6)


# Each class.


def class_scores(real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor, pieces: int = 1) -> dict[str, float]:
    metric = ClassFrechet(real.shape[1], num_classes=3)
    for features, is_real in ((real, True), (fake, False)):
        for part, part_labels in zip(features.chunk(pieces), labels.chunk(pieces), strict=True):
            metric.update(part, is_real, part_labels)
    return {name: value.item() for name, value in metric.compute().items()}


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_shifted_class_is_found_and_the_others_are_perfect(pieces: int) -> None:
    labels = torch.arange(300) % 3
    real = torch.randn(300, 4)
    scores = class_scores(real, real + 2 * (labels == 1)[:, None], labels, pieces)
    expected = [0, 4 * 2**2, 0]
    assert [scores[f"class_fid_{label}"] for label in range(3)] == pytest.approx(expected, abs=1e-4)
    assert scores["class_fid"] == pytest.approx(16 / 3, abs=1e-4)
    assert scores["class_fid_worst"] == pytest.approx(16, abs=1e-4)


def test_labels_that_are_swapped_do_not_change_the_whole_but_the_classes() -> None:
    labels = torch.arange(300) % 3
    centers = torch.eye(3, 4) * 10
    real = torch.randn(300, 4) + centers[labels]
    fake = real[torch.arange(300) // 3 * 3 + (labels + 1) % 3]
    assert class_scores(real, real, labels)["class_fid_worst"] == pytest.approx(0, abs=1e-4)
    assert class_scores(real, fake, labels)["class_fid"] > 150


def test_a_class_without_images_has_no_distance() -> None:
    scores = class_scores(torch.randn(20, 4), torch.randn(20, 4), torch.arange(20) % 2)
    assert math.isfinite(scores["class_fid_0"])
    assert all(math.isnan(scores[name]) for name in ("class_fid_2", "class_fid", "class_fid_worst"))


def test_labels_are_required() -> None:
    with pytest.raises(ValueError, match="labels is None"):
        ClassFrechet(4, 3).update(torch.randn(2, 4), real=True)
