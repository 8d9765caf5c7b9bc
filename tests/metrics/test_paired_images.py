from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.paired_images import PairedImageMetrics


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def disturbed(images: Tensor, deviation: float) -> Tensor:
    return (images + deviation * torch.randn(images.shape)).round().clamp(0, 255).to(torch.uint8)


def fidelity(images: Tensor, truth: Tensor, batch_size: int = 100) -> dict[str, float]:
    metric = PairedImageMetrics()
    for start in range(0, len(images), batch_size):
        metric.update(images[start : start + batch_size], truth[start : start + batch_size])
    return {key: value.item() for key, value in metric.compute().items()}


def ssim_by_scipy(first: Tensor, second: Tensor) -> float:
    """Wang et al. (2004), equation 13, of two images (C, H, W), mean over pixels and channels."""

    def blurred(image: np.ndarray) -> np.ndarray:
        return np.asarray(gaussian_filter(image, sigma=1.5, truncate=3.5, mode="mirror"))

    values = []
    for x, y in zip(first.double().numpy() / 255, second.double().numpy() / 255, strict=True):
        mean_x, mean_y = blurred(x), blurred(y)
        var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
        covariance = blurred(x * y) - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        values.append(luminance * (2 * covariance + 0.03**2) / (var_x + var_y + 0.03**2))
    return float(np.mean(values))


def test_equal_images_have_the_best_finite_scores() -> None:
    images = noise(3, 3, 16, 16)
    assert fidelity(images, images) == {
        "l1": 0,
        "psnr": pytest.approx(10 * math.log10(12 * 255**2)),
        "ssim": pytest.approx(1, abs=1e-6),
    }


def test_an_offset_has_the_closed_forms() -> None:
    truth = torch.full((2, 1, 16, 16), 100, dtype=torch.uint8)
    x, y = 100 / 255, 110 / 255
    scores = fidelity(truth + 10, truth)
    assert scores["l1"] == pytest.approx(10 / 255)
    assert scores["psnr"] == pytest.approx(20 * math.log10(255 / 10))
    # In areas of one color float32 leaves the variances, which are 0 here, a rounding error.
    assert scores["ssim"] == pytest.approx((2 * x * y + 1e-4) / (x**2 + y**2 + 1e-4), abs=3e-3)


def test_black_for_white_is_the_worst() -> None:
    scores = fidelity(torch.zeros(1, 3, 16, 16, dtype=torch.uint8), torch.full((1, 3, 16, 16), 255, dtype=torch.uint8))
    assert scores == pytest.approx({"l1": 1, "psnr": 0, "ssim": 1e-4 / (1 + 1e-4)}, abs=1e-6)


def test_psnr_is_the_mean_over_images_and_never_above_that_of_rounding() -> None:
    truth = torch.full((2, 1, 16, 16), 100, dtype=torch.uint8)
    images = truth.clone()
    images[0] += 50
    images[1, 0, 0, 0] += 1  # less than rounding errs by
    expected = (20 * math.log10(255 / 50) + 10 * math.log10(12 * 255**2)) / 2
    assert fidelity(images, truth)["psnr"] == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(1, 16, 24), (3, 24, 16)])
def test_ssim_agrees_with_scipys_gaussian_filter(shape: tuple[int, int, int]) -> None:
    truth = noise(4, *shape)
    images = disturbed(truth.float(), 20)
    expected = np.mean([ssim_by_scipy(*pair) for pair in zip(images, truth, strict=True)])
    assert fidelity(images, truth)["ssim"] == pytest.approx(expected, abs=1e-5)


def test_scores_are_the_same_for_any_partition() -> None:
    truth = noise(7, 3, 20, 20)
    images = disturbed(truth.float(), 30)
    whole = fidelity(images, truth)
    for size in (1, 3):
        assert fidelity(images, truth, size) == pytest.approx(whole, rel=1e-6)
    first, second = PairedImageMetrics(), PairedImageMetrics()
    first.update(images[:2], truth[:2])
    second.update(images[2:], truth[2:])
    first.merge_state(second)
    assert {key: value.item() for key, value in first.compute().items()} == pytest.approx(whole, rel=1e-6)


def test_scores_are_float64_and_states_leave_no_trace_in_a_checkpoint() -> None:
    metric = PairedImageMetrics()
    metric.update(noise(2, 1, 8, 8), noise(2, 1, 8, 8))
    assert all(value.dtype == torch.float64 and value.ndim == 0 for value in metric.compute().values())
    assert not metric.state_dict()


def test_images_of_another_shape_than_their_truths_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 1, 16, 16\), but their truths \(2, 3, 16, 16\)"):
        PairedImageMetrics().update(noise(2, 1, 16, 16), noise(2, 3, 16, 16))


def test_images_too_small_for_ssim_are_refused() -> None:
    with pytest.raises(InputError, match="the images have 16 x 5 px; expected at least 6 x 6 for SSIM"):
        PairedImageMetrics().update(noise(1, 1, 16, 5), noise(1, 1, 16, 5))
    assert fidelity(noise(1, 1, 6, 6), noise(1, 1, 6, 6))["ssim"] < 1
