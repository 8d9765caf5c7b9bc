"""Translates the parameters of W&B sweep files into Optuna distributions."""

from __future__ import annotations

import json
import math
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.special import betaincinv

from lightning_gans.core.errors import InputError

TAIL_MASS = 1e-6
"""Probability that is cut off at each end of an unbounded distribution."""


@dataclass(frozen=True)
class Parameter:
    """A key of the command line and the distribution of its values.

    Attributes:
        key: the dotted key, as on the command line.
        distribution: the distribution that Optuna samples; None for a constant.
        value_of: maps a draw to the value of the key.
        examples: a draw for each choice, or for both ends of a range.
    """

    key: str
    distribution: BaseDistribution | None
    value_of: Callable[[Any], Any]
    examples: list[Any]

    @property
    def choices(self) -> Sequence[Any] | None:
        """All possible draws; None if their number is infinite."""
        if isinstance(self.distribution, CategoricalDistribution):
            return self.distribution.choices
        if isinstance(self.distribution, IntDistribution):
            return range(self.distribution.low, self.distribution.high + 1)
        return None

    def argument(self, drawn: Any) -> str:
        """Return the command-line argument for a draw."""
        return f"--{self.key}={to_argument(self.value_of(drawn))}"


def to_argument(value: Any) -> str:
    """Return a value as text for the command line: strings as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def parameter(key: str, given: Any) -> Parameter:
    """Parse the section of one parameter in a sweep file.

    Raises:
        InputError: if the section is not valid.
    """
    name = f"parameters.{key}"
    if not isinstance(given, dict):
        raise InputError(f"{name} is {given}; expected value, values, or min and max")
    if "parameters" in given:
        raise InputError(f"{name} has parameters of its own; expected one dotted key for each")
    kind = given.get("distribution") or implied_distribution(name, given)
    if kind not in DISTRIBUTIONS:
        raise InputError(f"{name}.distribution is {kind}; expected one of {', '.join(DISTRIBUTIONS)}")
    fields, defaults, build = DISTRIBUTIONS[kind]
    for field in given:
        if field not in ("distribution", *fields):
            raise InputError(f"{name}.{field} is {to_argument(given[field])}; {kind} takes {', '.join(fields)}")
    values = []
    for field in fields:
        if field not in given and field not in defaults:
            raise InputError(f"{name}.{field} is missing; {kind} takes {', '.join(fields)}")
        values.append(given.get(field, defaults.get(field)))
        if field in NUMBERS:
            check_number(f"{name}.{field}", values[-1], whole=kind == "int_uniform")
    if "min" in fields and given["min"] >= given["max"]:
        raise InputError(f"{name}.min is {given['min']}; expected less than max, which is {given['max']}")
    try:
        drawn = build(*values)
    except InputError as error:
        raise InputError(f"{name}.{error}") from None
    except OverflowError:
        raise InputError(f"{name} is too large; {kind} takes logarithms, and {kind}_values the numbers") from None
    return Parameter(key, *drawn)


def implied_distribution(name: str, given: dict[str, Any]) -> str:
    """Return the distribution that W&B uses where the section names none."""
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical_w_probabilities" if "probabilities" in given else "categorical"
    if not {"min", "max"} <= given.keys():
        raise InputError(f"{name} has {', '.join(given) or 'nothing'}; expected value, values, or min and max")
    whole = [isinstance(given[end], int) for end in ("min", "max")]
    if any(whole) and not all(whole) and all(isinstance(given[end], int | float) for end in ("min", "max")):
        # W&B rejects this mixture too.
        raise InputError(f"{name} is from {given['min']} to {given['max']}; expected two whole numbers, or 1.0 for 1")
    return "int_uniform" if all(whole) else "uniform"


def check_number(name: str, value: Any, whole: bool) -> None:
    """Raise InputError unless ``value`` is a finite number, or an integer if ``whole``."""
    expected = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not math.isfinite(value):
        # YAML 1.1, which W&B reads, requires the dot.
        hint = ", as 1.0e-4, since YAML takes 1e-4 for text" if isinstance(value, str) and "e" in value else ""
        raise InputError(f"{name} is {to_argument(value)}; expected {expected}{hint}")
    if name.endswith((".q", ".sigma", ".a", ".b")) and value <= 0:
        raise InputError(f"{name} is {value}; expected more than 0")


# One function per W&B distribution.

Drawn = tuple[BaseDistribution | None, Callable[[Any], Any], list[Any]]
"""The attributes distribution, value_of and examples of :class:`Parameter`."""


def identity(value: Any) -> Any:
    """Return the draw unchanged."""
    return value


def constant(value: Any) -> Drawn:
    """A constant."""
    return None, lambda _: value, [None]


def categorical(values: Any) -> Drawn:
    """One of several values with equal probability; the study stores each as text, since a value may be a list."""
    by_text = {to_argument(value): value for value in check_list(values)}
    return CategoricalDistribution(tuple(by_text)), by_text.__getitem__, list(by_text)


def weighted(values: Any, probabilities: Any) -> Drawn:
    """One of several values with given probabilities: Optuna has no such distribution, so a quantile is drawn."""
    values = check_list(values)
    numbers = isinstance(probabilities, list) and all(isinstance(p, int | float) and p >= 0 for p in probabilities)
    if not numbers or len(probabilities) != len(values) or abs(sum(probabilities) - 1) > 1e-6:
        raise InputError(f"probabilities is {to_argument(probabilities)}; expected {len(values)} that add up to 1")
    ends = list(accumulate(probabilities))[:-1]
    middles = [(low + high) / 2 for low, high in pairwise([0.0, *ends, 1.0])]
    return FloatDistribution(0.0, 1.0), lambda share: values[bisect(ends, share)], middles


def check_list(values: Any) -> list[Any]:
    """Raise InputError unless ``values`` is a list of different values."""
    if not isinstance(values, list) or not values:
        raise InputError(f"values is {to_argument(values)}; expected a list of at least one")
    for index, value in enumerate(values):
        if to_argument(value) in map(to_argument, values[:index]):
            raise InputError(f"values has {to_argument(value)} twice; expected each value once")
    return values


def whole(low: int, high: int) -> Drawn:
    """An integer, uniform."""
    return IntDistribution(low, high), identity, [low, high]


def between(low: float, high: float, value_of: Callable[[Any], Any] = identity, log: bool = False) -> Drawn:
    """A number from a range."""
    return FloatDistribution(low, high, log=log), value_of, [low, high]


def uniform(low: float, high: float) -> Drawn:
    """A number, uniform."""
    return between(low, high)


def log_values(low: float, high: float) -> Drawn:
    """A number whose logarithm is uniform."""
    if low <= 0:
        raise InputError(f"min is {low}; expected more than 0 where the logarithm is drawn")
    return between(low, high, log=True)


def log_exponents(low: float, high: float) -> Drawn:
    """A number whose logarithm is uniform; the ends are given as logarithms."""
    return between(math.exp(low), math.exp(high), log=True)


def inverse_exponents(low: float, high: float) -> Drawn:
    """A number x for which the logarithm of 1/x is uniform; the ends are given as logarithms."""
    return between(math.exp(-high), math.exp(-low), log=True)


def normal(mu: float, sigma: float) -> Drawn:
    """A normal number: Optuna has no such distribution, so a quantile is drawn."""
    return between(TAIL_MASS, 1 - TAIL_MASS, NormalDist(mu, sigma).inv_cdf)


def log_normal(mu: float, sigma: float) -> Drawn:
    """A number whose logarithm is normal, by its quantile."""
    logarithm = NormalDist(mu, sigma)
    return between(TAIL_MASS, 1 - TAIL_MASS, lambda rank: math.exp(logarithm.inv_cdf(rank)))


def beta(a: float, b: float) -> Drawn:
    """A number of the beta distribution, by its quantile."""
    return between(0.0, 1.0, lambda rank: float(betaincinv(a, b, rank)))


def quantized(build: Callable[..., Drawn]) -> Callable[..., Drawn]:
    """The same distribution, rounded to multiples of q, the last field."""

    def rounded(*fields: Any) -> Drawn:
        q = fields[-1]
        distribution, value_of, examples = build(*fields[:-1])
        # Twelve digits: a multiple of .1 is not .30000000000000004.
        return distribution, lambda drawn: type(q)(float(f"{round(value_of(drawn) / q) * q:.12g}")), examples

    return rounded


RANGE_FIELDS, NORMAL_FIELDS, BETA_FIELDS = ("min", "max"), ("mu", "sigma"), ("a", "b")
STANDARD: dict[str, Any] = {"mu": 0, "sigma": 1}

NUMBERS = (*RANGE_FIELDS, *NORMAL_FIELDS, *BETA_FIELDS, "q")

CONTINUOUS: dict[str, tuple[tuple[str, ...], dict[str, Any], Callable[..., Drawn]]] = {
    "uniform": (RANGE_FIELDS, {}, uniform),
    "log_uniform": (RANGE_FIELDS, {}, log_exponents),
    "log_uniform_values": (RANGE_FIELDS, {}, log_values),
    "normal": (NORMAL_FIELDS, STANDARD, normal),
    "log_normal": (NORMAL_FIELDS, STANDARD, log_normal),
    "beta": (BETA_FIELDS, {}, beta),
}

DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any], Callable[..., Drawn]]] = {
    "constant": (("value",), {}, constant),
    "categorical": (("values",), {}, categorical),
    "categorical_w_probabilities": (("values", "probabilities"), {}, weighted),
    "int_uniform": (RANGE_FIELDS, {}, whole),
    **CONTINUOUS,
    "inv_log_uniform": (RANGE_FIELDS, {}, inverse_exponents),
    "inv_log_uniform_values": (RANGE_FIELDS, {}, log_values),
    **{
        f"q_{kind}": ((*fields, "q"), defaults | {"q": 1}, quantized(build))
        for kind, (fields, defaults, build) in CONTINUOUS.items()
    },
}
"""For each W&B distribution its fields, their defaults, and the function that builds it."""
