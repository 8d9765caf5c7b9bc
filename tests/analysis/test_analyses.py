from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.analysis.analyses import histograms, memorization, nearest


def test_histograms_are_the_same_every_time_and_differ_with_the_values() -> None:
    values = {"training": torch.randn(100), "generated": torch.randn(50) + 1}
    first, second = (histograms(values, "logit").tobytes() for _ in range(2))
    other = histograms({**values, "generated": torch.randn(50) - 1}, "logit").tobytes()
    assert first == second
    assert first != other


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_values_without_a_range_are_drawn_too(value: float) -> None:
    assert histograms({"training": torch.full((5,), value), "generated": torch.ones(5)}, "logit").width > 100
    assert histograms({"training": torch.full((5,), value)}, "logit").width > 100


def test_the_nearest_of_a_set_in_batches_are_those_of_all_pairs() -> None:
    queries, rows = torch.randn(7, 5), torch.randn(23, 5)
    found = nearest(queries, torch.split(rows, [4, 1, 10, 8]), 3)
    expected = torch.linalg.vector_norm(queries.double()[:, None] - rows.double(), dim=2).sort(dim=1)
    torch.testing.assert_close(found.distances, expected.values[:, :3])
    assert torch.equal(found.indices, expected.indices[:, :3])


def test_copies_are_at_distance_zero_wherever_they_are() -> None:
    rows = torch.randn(20, 64)
    found = nearest(rows[[3, 17]], torch.split(rows, 6), 1)
    assert found.distances.flatten().tolist() == [0, 0]
    assert found.indices.flatten().tolist() == [3, 17]


def test_memorization_in_numbers() -> None:
    held_out = torch.arange(1, 201, dtype=torch.float64)
    found = memorization(torch.tensor([1.0, 2, 3, 4, 201]), held_out)
    assert found == {
        "median_sample": 3,
        "median_held_out": 100.5,
        "nearest_ratio": pytest.approx(3 / 100.5),
        # The nearest hundredth of 200 reaches to 2.
        "copied_share": pytest.approx(2 / 5),
        "copied_share_expected": pytest.approx(2 / 201),
    }


def test_copies_are_told_from_new_images_of_the_same_distribution() -> None:
    train, new, held_out = torch.randn(3, 1000, 4)
    near = [nearest(images, [train], 1).distances[:, 0] for images in (train + 1e-4, new, held_out)]
    copied, fresh = (memorization(near[index], near[2]) for index in (0, 1))
    assert copied["nearest_ratio"] < 0.01
    assert copied["copied_share"] == 1
    assert fresh["nearest_ratio"] == pytest.approx(1, abs=0.1)
    assert fresh["copied_share"] < 0.03


def test_copies_are_caught_where_held_out_images_are_copies_too() -> None:
    found = memorization(torch.zeros(10, dtype=torch.float64), torch.arange(50, dtype=torch.float64))
    assert found["copied_share"] == 1
