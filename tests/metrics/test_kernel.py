"""Kernel distance, against scikit-learn's kernel and torchmetrics' own estimate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from lightning_gans.metrics import kernel
from lightning_gans.metrics.kernel import KernelInceptionDistance


def distance(real: torch.Tensor, fake: torch.Tensor, pieces: int = 1) -> float:
    metric = KernelInceptionDistance(real.shape[1])
    for name, features in (("real", real), ("fake", fake)):
        for piece in features.chunk(pieces):
            metric.update(piece, real=name == "real")
    return metric.compute()["kid"].item()


@pytest.mark.parametrize("block", [7, 1000])
def test_it_is_the_unbiased_estimate_for_any_numbers(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK_ROWS", block)
    real, fake = torch.randn(30, 8), 1.5 * torch.randn(21, 8) + 0.2
    xx, yy, xy = (
        polynomial_kernel(a.double().numpy(), b.double().numpy(), degree=3, coef0=1)
        for a, b in ((real, real), (fake, fake), (real, fake))
    )
    expected = (xx.sum() - np.trace(xx)) / (30 * 29) + (yy.sum() - np.trace(yy)) / (21 * 20) - 2 * xy.mean()
    assert distance(real, fake) == pytest.approx(expected, rel=1e-9)
    assert distance(real, fake, pieces=4) == pytest.approx(expected, rel=1e-9)


def test_for_equal_numbers_it_is_torchmetrics_own() -> None:
    real, fake = torch.randn(20, 5, dtype=torch.float64), torch.randn(20, 5, dtype=torch.float64)
    pairs = ((real, real), (real, fake), (fake, fake))
    expected = maximum_mean_discrepancy(*(poly_kernel(a, b) for a, b in pairs))
    assert distance(real, fake) == pytest.approx(expected.item(), rel=1e-5)


def test_around_a_perfect_match_its_mean_is_zero_however_few_the_images() -> None:
    values = torch.tensor([distance(torch.randn(10, 4), torch.randn(10, 4)) for _ in range(300)])
    assert values.min() < 0
    assert abs(values.mean()) < 4 * values.std() / 300**0.5
    assert distance(torch.randn(10, 4), torch.randn(10, 4) + 3) > values.max()


def gaussian_distance(width: int, shift: float) -> float:
    """KID of N(0, 1) and N(m, 1), m = (shift, 0, ...): the kernel's mean has a closed form.

    With z = x . y, x and y independent, the mean of (z / D + 1)^3 needs the moments of z: those of a product of normal
    variables in every coordinate.
    """
    values = {}
    for name, (a, b) in {"pp": (0.0, 0.0), "qq": (shift, shift), "pq": (0.0, shift)}.items():
        # The first coordinate x1 y1 with means a and b; the D - 1 others have mean 0, variance 1, third moment 0.
        first = [a * b, (1 + a * a) * (1 + b * b), (a**3 + 3 * a) * (b**3 + 3 * b)]
        rest = float(width - 1)
        moments = [first[0], first[1] + rest, first[2] + 3 * first[0] * rest]
        values[name] = 1 + 3 * moments[0] / width + 3 * moments[1] / width**2 + moments[2] / width**3
    return values["pp"] + values["qq"] - 2 * values["pq"]


@pytest.mark.parametrize("shift", [0.5, 1.5])
def test_the_interval_holds_the_true_distance_in_about_95_of_100_draws(shift: float) -> None:
    width, held = 4, 0
    for _ in range(200):
        metric = KernelInceptionDistance(width)
        metric.update(torch.randn(60, width), real=True)
        metric.update(torch.randn(90, width) + torch.eye(width)[0] * shift, real=False)
        scores = metric.compute()
        held += int((scores["kid"] - gaussian_distance(width, shift)).abs() <= scores["kid_ci95"])
    assert 175 <= held <= 200


def test_the_interval_is_the_jackknifes() -> None:
    real, fake = torch.randn(7, 3), torch.randn(5, 3) + 1
    left_out = [
        [distance(torch.cat([real[:i], real[i + 1 :]]), fake) for i in range(7)],
        [distance(real, torch.cat([fake[:i], fake[i + 1 :]])) for i in range(5)],
    ]
    variance = sum((len(values) - 1) * np.var(values) for values in left_out)
    metric = KernelInceptionDistance(3)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    assert metric.compute()["kid_ci95"].item() == pytest.approx(1.96 * variance**0.5, rel=1e-6)


@pytest.mark.parametrize("numbers", [(1, 9), (9, 1), (0, 9), (9, 0)])
def test_one_image_has_no_distance(numbers: tuple[int, int]) -> None:
    metric = KernelInceptionDistance(3)
    for number, real in zip(numbers, (True, False), strict=True):
        metric.update(torch.randn(number, 3), real=real)
    assert all(value.isnan() for value in metric.compute().values())


def test_two_images_have_a_distance_and_no_interval() -> None:
    metric = KernelInceptionDistance(3)
    metric.update(torch.randn(2, 3), real=True)
    metric.update(torch.randn(9, 3), real=False)
    scores = metric.compute()
    assert scores["kid"].isfinite()
    assert scores["kid_ci95"].isnan()
