"""Class scores, against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.metrics.class_histogram import ClassHistogram


def test_class_kl_is_zero_for_equal_shares_and_log_k_for_one_class() -> None:
    even, one = ClassHistogram(10), ClassHistogram(10)
    even.update(torch.arange(100) % 10)
    one.update(torch.full((100,), 3))
    assert even.compute() == {"class_kl": pytest.approx(0, abs=1e-12), "modes": 10}
    assert one.compute() == {"class_kl": pytest.approx(math.log(10)), "modes": 1}


def test_class_kl_of_two_to_one_is_its_formula() -> None:
    metric = ClassHistogram(2)
    metric.update(torch.tensor([0, 0, 1]))
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    assert metric.compute()["class_kl"].item() == pytest.approx(expected)


def test_label_accuracy_is_the_share_of_images_of_the_class_that_was_asked_for() -> None:
    metric = ClassHistogram(3)
    metric.update(torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1]))
    metric.update(torch.tensor([2]), torch.tensor([2]))
    assert metric.compute()["label_accuracy"].item() == pytest.approx(3 / 4)
    metric.reset()
    metric.update(torch.tensor([2]))
    assert "label_accuracy" not in metric.compute()


def test_points_between_the_modes_are_no_class() -> None:
    metric = ClassHistogram(4, rejects=True)
    metric.update(torch.tensor([0, 0, 1, -1, -1]))
    scores = metric.compute()
    assert scores["modes"].item() == 2
    assert scores["within_modes"].item() == pytest.approx(3 / 5)
    expected = 2 / 3 * math.log(4 * 2 / 3) + 1 / 3 * math.log(4 / 3)
    assert scores["class_kl"].item() == pytest.approx(expected)
    assert set(scores) == set(metric.names) - {"label_accuracy"}


def test_without_a_point_in_a_mode_the_divergence_is_the_largest() -> None:
    metric = ClassHistogram(4, rejects=True)
    metric.update(torch.tensor([-1, -1]))
    scores = {name: value.item() for name, value in metric.compute().items()}
    assert scores == {"class_kl": pytest.approx(math.log(4)), "modes": 0, "within_modes": 0}
