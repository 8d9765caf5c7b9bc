"""Bootstrap intervals against closed forms."""

from __future__ import annotations

from itertools import product
from math import comb
from statistics import median

import numpy as np
import pytest

from lightning_gans.studies import statistics
from lightning_gans.studies.statistics import bootstrap_median, median_interval, not_told_apart, told_apart


def probability_of_at_most(count: int, place: int) -> float:
    """That the median of an odd number of draws is at most the value at this place: the half of them is."""
    share = place / count
    return sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(count // 2 + 1, count + 1))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_distribution_of_an_odd_number_of_values_is_binomial(count: int) -> None:
    values = [float(10 * place) for place in range(1, count + 1)]
    found = bootstrap_median(list(reversed(values)))
    assert found.values.tolist() == values
    expected = [probability_of_at_most(count, place) for place in range(1, count + 1)]
    assert np.cumsum(found.weights) == pytest.approx(expected)


def test_the_distribution_of_four_values_is_that_of_all_draws() -> None:
    values = [1.0, 2.0, 4.0, 8.0]
    draws = [median(draw) for draw in product(values, repeat=4)]
    found = bootstrap_median(values)
    assert found.values.tolist() == sorted(set(draws))
    assert found.weights == pytest.approx([draws.count(value) / 256 for value in found.values])


def test_more_values_are_sampled_to_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    exact = bootstrap_median(values)
    monkeypatch.setattr(statistics, "MOST_ENUMERATED", 1)
    sampled = bootstrap_median(values)
    assert sampled.weights == pytest.approx(exact.weights, abs=0.01)
    assert sampled.weights.tolist() == bootstrap_median(values).weights.tolist()


def test_the_interval_of_three_seeds_is_their_range_and_that_of_many_is_narrower() -> None:
    assert median_interval([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert median_interval([5.0]) == (5.0, 5.0, 5.0)
    middle, low, high = median_interval([float(value) for value in range(101)])
    assert middle == 50
    # The order statistics at 50 + 1.96 * sqrt(101) / 2 on either side.
    assert (low, high) == pytest.approx((40, 60), abs=1.5)


def test_methods_are_told_apart_where_the_interval_of_the_difference_leaves_out_0() -> None:
    assert told_apart([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])
    assert told_apart([2.0, 2.1, 2.2], [1.0, 1.1, 1.2])
    assert not told_apart([1.0, 1.5, 2.1], [2.0, 2.5, 3.0])
    assert not told_apart([1.0], [2.0, 2.1, 2.2])
    assert not told_apart([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert not_told_apart([[1.0, 1.1, 1.2], [1.15, 1.3, 1.4], [5.0, 5.1, 5.2]]) == [(0, 1)]


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="values is empty; expected at least one"):
        bootstrap_median([])
