"""W&B's distributions, each against its closed form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lightning_gans.core.errors import InputError
from lightning_gans.sweeps.space import DISTRIBUTIONS, TAIL_MASS, parameter

EVEN = [(i + 0.5) / 2000 for i in range(2000)]
"""Shares of a distribution, evenly spread."""


def values(given: dict[str, Any]) -> list[float]:
    """Values at evenly spread shares, as the sampler's uniform draws would give them."""
    made = parameter("x", given)
    distribution = made.distribution
    assert isinstance(distribution, FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        low, high = math.log(low), math.log(high)
    drawn = [low + share * (high - low) for share in EVEN]
    return [made.value_of(math.exp(d) if distribution.log else d) for d in drawn]


def share_below(given: dict[str, Any], value: float) -> float:
    found = values(given)
    return sum(v <= value for v in found) / len(found)


def test_value_is_a_constant_that_is_not_drawn() -> None:
    made = parameter("trainer.max_epochs", {"value": 20})
    assert made.distribution is None
    assert made.argument(None) == "--trainer.max_epochs=20"


def test_values_are_choices_of_their_texts() -> None:
    made = parameter("x", {"values": [[0.5, 0.999], "DCGAN", True, None, 1, 1.0]})
    assert isinstance(made.distribution, CategoricalDistribution)
    texts = ["[0.5, 0.999]", "DCGAN", "true", "null", "1", "1.0"]
    assert [made.argument(drawn) for drawn in made.distribution.choices] == [f"--x={shown}" for shown in texts]
    assert [made.value_of(drawn) for drawn in made.choices or ()] == [[0.5, 0.999], "DCGAN", True, None, 1, 1.0]
    assert parameter("x", {"distribution": "categorical", "values": [1]}).examples == ["1"]


def test_probabilities_are_kept() -> None:
    given = {"values": ["a", "b", "c"], "probabilities": [0.2, 0.5, 0.3]}
    made = parameter("x", given)
    found = [made.value_of(share) for share in EVEN]
    assert [found.count(name) / len(found) for name in "abc"] == pytest.approx([0.2, 0.5, 0.3])
    assert [made.value_of(share) for share in made.examples] == ["a", "b", "c"]
    assert made.value_of(1.0) == "c"


def test_whole_ends_are_whole_numbers_both_included() -> None:
    made = parameter("x", {"min": 2, "max": 5})
    assert made.distribution == IntDistribution(2, 5)
    assert list(made.choices or ()) == [2, 3, 4, 5]
    assert parameter("x", {"distribution": "int_uniform", "min": 2, "max": 5}).distribution == IntDistribution(2, 5)


def test_other_ends_are_a_range() -> None:
    made = parameter("x", {"min": 0.0, "max": 1.5})
    assert made.distribution == FloatDistribution(0.0, 1.5)
    assert made.choices is None
    assert made.argument(1e-5) == "--x=1e-05"
    assert parameter("x", {"distribution": "uniform", "min": 1, "max": 2}).distribution == FloatDistribution(1, 2)


@pytest.mark.parametrize(
    ("given", "below", "share"),
    [
        ({"distribution": "uniform", "min": 2, "max": 6}, 3, 0.25),
        ({"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}, 1e-3, 0.5),
        ({"distribution": "log_uniform", "min": math.log(1e-4), "max": math.log(1e-2)}, 1e-3, 0.5),
        # log(1/x) uniform from 0 to 2: x <= exp(-1.5) where it is at least 1.5.
        ({"distribution": "inv_log_uniform", "min": 0, "max": 2}, math.exp(-1.5), 0.25),
        ({"distribution": "inv_log_uniform_values", "min": 1, "max": 16}, 2, 0.25),
        ({"distribution": "normal"}, 0, 0.5),
        ({"distribution": "normal", "mu": 3, "sigma": 2}, 5, 0.5 * (1 + math.erf(1 / math.sqrt(2)))),
        ({"distribution": "log_normal", "mu": 1, "sigma": 0.5}, math.e, 0.5),
        ({"distribution": "beta", "a": 2, "b": 1}, 0.5, 0.25),  # its distribution function is x squared
        ({"distribution": "beta", "a": 1, "b": 1}, 0.3, 0.3),
    ],
    ids=lambda value: value.get("distribution") if isinstance(value, dict) else None,
)
def test_the_share_below_a_value_is_that_of_the_distribution(given: dict[str, Any], below: float, share: float) -> None:
    assert share_below(given, below) == pytest.approx(share, abs=2e-3)


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        # From 0 to 1 by quarters: half the room at either end.
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, {0: 1 / 8, 0.25: 1 / 4, 0.75: 1 / 4, 1: 1 / 8}),
        ({"distribution": "q_uniform", "min": 0, "max": 4}, {0: 1 / 8, 1: 1 / 4, 4: 1 / 8}),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 16, "q": 8}, {0: 0.5, 16: math.log2(16 / 12) / 4}),
        ({"distribution": "q_log_uniform", "min": 0, "max": math.log(16), "q": 8}, {0: 0.5}),
        ({"distribution": "q_normal", "q": 10}, {0: 1}),
        ({"distribution": "q_log_normal", "mu": 0, "sigma": 0.1, "q": 1}, {1: 1}),
        ({"distribution": "q_beta", "a": 1, "b": 1, "q": 0.5}, {0: 1 / 4, 0.5: 1 / 2, 1: 1 / 4}),
    ],
    ids=lambda value: value.get("distribution") if isinstance(value, dict) else None,
)
def test_q_rounds_to_its_multiples(given: dict[str, Any], shares: dict[float, float]) -> None:
    found = values(given)
    for value, share in shares.items():
        assert found.count(value) / len(found) == pytest.approx(share, abs=2e-3)
    assert all(isinstance(value, type(given.get("q", 1))) for value in found)


def test_multiples_have_no_rounding_errors_to_show() -> None:
    made = parameter("x", {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.1})
    assert made.argument(0.31) == "--x=0.3"


def test_a_bell_is_cut_off_far_out() -> None:
    made = parameter("x", {"distribution": "normal"})
    assert [made.value_of(rank) for rank in made.examples] == pytest.approx([-4.753, 4.753], abs=1e-3)
    assert made.examples == [TAIL_MASS, 1 - TAIL_MASS]


def test_every_distribution_has_a_test_here() -> None:
    text = Path(__file__).read_text()
    tested = {kind for kind in DISTRIBUTIONS if f'"{kind}"' in text}
    assert tested >= set(DISTRIBUTIONS) - {"constant", "categorical_w_probabilities"}  # by value and by probabilities


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "parameters.lr is 3; expected value, values, or min and max"),
        ({}, "parameters.lr has nothing; expected value, values, or min and max"),
        ({"min": 1}, "parameters.lr has min; expected value, values, or min and max"),
        ({"distribution": "gamma"}, "parameters.lr.distribution is gamma; expected one of constant, categorical"),
        ({"parameters": {"a": {"value": 1}}}, "parameters.lr has parameters of its own; expected one dotted key"),
        ({"min": "1e-4", "max": 1.0}, "parameters.lr.min is 1e-4; expected a number, as 1.0e-4, since YAML"),
        ({"min": 1.0, "max": "much"}, "parameters.lr.max is much; expected a number"),
        ({"min": True, "max": 2}, "parameters.lr.min is true; expected a whole number"),
        ({"distribution": "int_uniform", "min": 1.5, "max": 2}, "parameters.lr.min is 1.5; expected a whole number"),
        ({"min": 1, "max": 2.5}, "parameters.lr is from 1 to 2.5; expected two whole numbers, or 1.0 for 1"),
        ({"min": 2.0, "max": 1.0}, "parameters.lr.min is 2.0; expected less than max, which is 1.0"),
        ({"min": 2, "max": 3, "mean": 1}, "parameters.lr.mean is 1; int_uniform takes min, max"),
        ({"distribution": "uniform", "min": 2}, "parameters.lr.max is missing; uniform takes min, max"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 3}, "parameters.lr.min is 0; expected more than 0"),
        (
            {"distribution": "log_uniform", "min": 0, "max": 3000},
            "parameters.lr is too large; log_uniform takes logarithms",
        ),
        ({"distribution": "q_uniform", "min": 0, "max": 3, "q": 0}, "parameters.lr.q is 0; expected more than 0"),
        ({"distribution": "normal", "sigma": -1}, "parameters.lr.sigma is -1; expected more than 0"),
        ({"values": []}, r"parameters.lr.values is \[\]; expected a list of at least one"),
        ({"values": 3}, "parameters.lr.values is 3; expected a list of at least one"),
        ({"values": [1, 2, 1]}, "parameters.lr.values has 1 twice; expected each value once"),
        ({"values": [1, 2], "probabilities": [1]}, r"parameters.lr.probabilities is \[1\]; expected 2 that add up"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "expected 2 that add up to 1"),
    ],
)
def test_what_is_no_parameter_is_refused_by_name(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parameter("lr", given)
