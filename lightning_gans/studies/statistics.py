"""Medians over seeds with bootstrap intervals, and which methods they cannot tell apart.

The bootstrap draws as many values as there are from those that were measured, with replacement, and takes their median
(Efron, 1979). The median of a few values has few values itself, so that its distribution is a short list of values with
probabilities. With few values all draws are enumerated, and the interval is exact; with more they are sampled from a
fixed seed. With three seeds the 95 % interval is the whole range: the median of a draw is the smallest value with
probability 7/27.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Probability of the intervals."""

MOST_ENUMERATED = 10_000
"""Largest number of draws that are enumerated."""

SAMPLED = 20_000
"""Number of draws that are sampled where there are more."""

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A median and the ends of its interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Distribution:
    """A number that has few values.

    Attributes:
        values: ascending.
        weights: probability of each.
    """

    values: Floats
    weights: Floats

    def quantile(self, share: float) -> float:
        """The smallest value that the number is at most with at least this probability."""
        sums = np.cumsum(self.weights)
        # Sums of probabilities are rounded.
        index = int(np.searchsorted(sums, share - 1e-12))
        return float(self.values[min(index, len(self.values) - 1)])

    def interval(self) -> tuple[float, float]:
        """The quantiles between which the number is with probability :data:`LEVEL`."""
        tail = (1 - LEVEL) / 2
        return self.quantile(tail), self.quantile(1 - tail)

    def minus(self, other: Distribution) -> Distribution:
        """The distribution of the difference of two independent numbers."""
        differences = np.subtract.outer(self.values, other.values).ravel()
        weights = np.multiply.outer(self.weights, other.weights).ravel()
        return gather(differences, weights)


def gather(values: Floats, weights: Floats) -> Distribution:
    """A distribution in which equal values are one."""
    unique, places = np.unique(values, return_inverse=True)
    sums: Floats = np.zeros(len(unique))
    np.add.at(sums, places.ravel(), weights)
    return Distribution(unique, sums)


def bootstrap_median(values: Sequence[float]) -> Distribution:
    """The distribution of the median of as many values drawn with replacement.

    Args:
        values: at least one, finite.

    Raises:
        ValueError: if there is none.
    """
    count = len(values)
    if not count:
        raise ValueError("values is empty; expected at least one")
    known = np.sort(np.asarray(values, dtype=np.float64))
    if count**count <= MOST_ENUMERATED:
        places = np.indices((count,) * count).reshape(count, -1).T
    else:
        places = np.random.default_rng(0).integers(count, size=(SAMPLED, count))
    medians = np.median(known[places], axis=1)
    return gather(medians, np.full(len(medians), 1 / len(medians)))


def median_interval(values: Sequence[float]) -> Interval:
    """The median of values, and its bootstrap interval.

    Args:
        values: at least one, finite; the interval of a single value has no width.
    """
    return Interval(float(np.median(values)), *bootstrap_median(values).interval())


def told_apart(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether the interval of the difference of two medians does not contain 0.

    With a single value on either side nothing is known of its spread, and they cannot be told apart.
    """
    if min(len(first), len(second)) < 2:
        return False
    low, high = bootstrap_median(first).minus(bootstrap_median(second)).interval()
    return low > 0 or high < 0


def not_told_apart(groups: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs of groups, by their indices, that cannot be told apart."""
    return [(i, j) for i, j in combinations(range(len(groups)), 2) if not told_apart(groups[i], groups[j])]
