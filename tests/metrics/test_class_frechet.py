"""FID of each class: closed forms, and classes without images."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.metrics.class_frechet import ClassFrechet


def compute(real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor, pieces: int = 1) -> dict[str, float]:
    metric = ClassFrechet(real.shape[1], num_classes=3)
    for features, is_real in ((real, True), (fake, False)):
        for part, part_labels in zip(features.chunk(pieces), labels.chunk(pieces), strict=True):
            metric.update(part, is_real, part_labels)
    return {name: value.item() for name, value in metric.compute().items()}


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_shifted_class_is_found_and_the_others_are_perfect(pieces: int) -> None:
    labels = torch.arange(300) % 3
    real = torch.randn(300, 4)
    scores = compute(real, real + 2 * (labels == 1)[:, None], labels, pieces)
    expected = [0, 4 * 2**2, 0]
    assert [scores[f"class_fid_{label}"] for label in range(3)] == pytest.approx(expected, abs=1e-4)
    assert scores["class_fid"] == pytest.approx(16 / 3, abs=1e-4)
    assert scores["class_fid_worst"] == pytest.approx(16, abs=1e-4)


def test_labels_that_are_swapped_do_not_change_the_whole_but_the_classes() -> None:
    labels = torch.arange(300) % 3
    centres = torch.eye(3, 4) * 10
    real = torch.randn(300, 4) + centres[labels]
    fake = real[torch.arange(300) // 3 * 3 + (labels + 1) % 3]
    assert compute(real, real, labels)["class_fid_worst"] == pytest.approx(0, abs=1e-4)
    assert compute(real, fake, labels)["class_fid"] > 150


def test_a_class_without_images_has_no_distance() -> None:
    scores = compute(torch.randn(20, 4), torch.randn(20, 4), torch.arange(20) % 2)
    assert math.isfinite(scores["class_fid_0"])
    assert all(math.isnan(scores[name]) for name in ("class_fid_2", "class_fid", "class_fid_worst"))


def test_labels_are_wanted() -> None:
    with pytest.raises(ValueError, match="labels"):
        ClassFrechet(4, 3).update(torch.randn(2, 4), real=True)
