"""Samplers and pruners: which parameters are tried next, and which runs are pruned."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lightning_gans.core.errors import InputError
from lightning_gans.sweeps.wandb_file import Sweep

STARTUP_TRIALS = 5
"""Random trials before TPE starts; a sweep of GANs has tens of trials, not hundreds."""

SAMPLERS = {"random": "random", "grid": "grid", "bayes": "tpe"}
"""The sampler for each W&B method."""


class SeededByTrial(BaseSampler):
    """A sampler that is seeded anew for every trial, with a function of the seed and the trial's number.

    So a study that is resumed or shared by several machines never repeats draws, and draws do not depend on history.

    Args:
        make: creates a sampler from a seed.
        seed: the seed of the study.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make = make
        self.seed = seed
        self.number: int | None = None
        self.sampler = make(seed)

    def of(self, trial: FrozenTrial) -> BaseSampler:
        """Return the sampler of a trial."""
        if trial.number != self.number:
            self.number, self.sampler = trial.number, self.make(self.seed * 1_000_003 + trial.number)
        return self.sampler

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See Optuna."""
        return self.of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna."""
        return self.of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See Optuna."""
        return self.of(trial).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """See Optuna."""
        self.of(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """See Optuna."""
        self.of(trial).after_trial(study, trial, state, values)


def make_sampler(name: str, seed: int) -> BaseSampler:
    """Return the sampler of that name; a grid is a queue in the study, so its sampler is never asked."""
    if name == "tpe":
        return SeededByTrial(lambda number: TPESampler(seed=number, n_startup_trials=STARTUP_TRIALS), seed)
    return SeededByTrial(lambda number: RandomSampler(seed=number), seed)


def grid_points(sweep: Sweep) -> list[dict[str, Any]]:
    """Return all combinations of values; those of the last parameter vary fastest.

    Raises:
        InputError: if a parameter has infinitely many values.
    """
    draws = []
    for parameter in sweep.varied:
        if parameter.choices is None:
            raise InputError(
                f"parameters.{parameter.key} has infinitely many values; expected value, values or an integer range "
                f"where the method is grid (in {sweep.path})"
            )
        draws.append(parameter.choices)
    keys = [parameter.key for parameter in sweep.varied]
    return [dict(zip(keys, point, strict=True)) for point in product(*draws)]


def make_pruner(sweep: Sweep) -> BasePruner:
    """Return W&B's hyperband: at each bracket a run continues if it is among the best 1/eta of the runs so far."""
    if sweep.halving is None:
        return NopPruner()
    return SuccessiveHalvingPruner(min_resource=sweep.halving.first, reduction_factor=sweep.halving.factor)
