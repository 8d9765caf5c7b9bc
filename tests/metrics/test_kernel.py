"""Kernel distance, against scikit-learn's kernel and torchmetrics' own estimate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from lightning_gans.metrics import kernel
from lightning_gans.metrics.kernel import KernelDistance


def distance(real: torch.Tensor, fake: torch.Tensor, pieces: int = 1) -> float:
    metric = KernelDistance()
    for name, features in (("real", real), ("fake", fake)):
        for piece in features.chunk(pieces):
            metric.update(piece, real=name == "real")
    return metric.compute()["kid"].item()


@pytest.mark.parametrize("block", [7, 1000])
def test_it_is_the_unbiased_estimate_for_any_numbers(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", block)
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
