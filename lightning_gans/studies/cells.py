"""The cells of a study: each is one run of one setting of a method on one data set with one seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lightning_gans.runs.folder import RunFolder
from lightning_gans.studies.study import DataSet, Method, Study
from lightning_gans.sweeps.space import Parameter, to_argument

DIGITS = 4
"""Significant digits of numbers that are drawn."""

DEFAULTS = ("--trainer.devices=1", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")
"""Arguments of every run that the study file may override."""


@dataclass(frozen=True)
class Setting:
    """A method on a data set, with all values that are not its seed.

    Attributes:
        data: the data set.
        method: the method.
        number: of the draw; None for a method without a search.
        drawn: the drawn values by dotted key.
    """

    data: DataSet
    method: Method
    number: int | None = None
    drawn: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the folder of its runs."""
        number = "" if self.number is None else f"{self.number:03d}"
        return "-".join(filter(None, (self.data.name, self.method.name, number)))

    def arguments(self, study: Study, extra: list[str]) -> list[str]:
        """The arguments of ``fit`` that define the method: configs, overrides and drawn values.

        Keys that are separated by commas have the same value, such as one learning rate of both networks.

        Args:
            study: the study, whose overrides come before those of the data and of the method.
            extra: arguments of the user, which come last.
        """
        configs = [name for name in (self.method.config, self.data.config) if name is not None]
        values = {**study.overrides, **self.data.overrides, **self.method.overrides, **self.drawn}
        given = [f"--{key}={to_argument(value)}" for keys, value in values.items() for key in keys.split(",")]
        return [*(part for name in configs for part in ("--config", name)), *DEFAULTS, *given, *extra]

    def describe(self) -> str:
        """The drawn values in words; empty for a method without a search."""
        return ", ".join(f"{key} {to_argument(value)}" for key, value in self.drawn.items())


@dataclass(frozen=True)
class Cell:
    """A run.

    Attributes:
        setting: what is trained.
        seed: of the run.
    """

    setting: Setting
    seed: int

    @property
    def name(self) -> str:
        """The path of its folder below that of the study."""
        return f"{self.setting.name}/seed-{self.seed}"

    def folder(self, study_folder: Path) -> RunFolder:
        """The folder of its run."""
        return RunFolder(study_folder / self.setting.name / f"seed-{self.seed}")


@dataclass(frozen=True)
class FreshCell:
    """A run with a fresh seed of the setting that is the best of its method, which is known after the search.

    Attributes:
        data: the data set.
        method: the method.
        seed: of the run.
    """

    data: DataSet
    method: Method
    seed: int

    @property
    def name(self) -> str:
        """Its name before the search has ended."""
        return f"{'-'.join(filter(None, (self.data.name, self.method.name, 'best')))}/seed-{self.seed}"


def draw(parameter: Parameter, share: float) -> Any:
    """A value of a parameter.

    Args:
        parameter: with its distribution.
        share: a uniform number in [0, 1).

    Returns:
        The value; a float is rounded to four significant digits.
    """
    distribution = parameter.distribution
    drawn: Any = None
    if isinstance(distribution, CategoricalDistribution):
        drawn = distribution.choices[int(share * len(distribution.choices))]
    elif isinstance(distribution, IntDistribution):
        drawn = distribution.low + int(share * (distribution.high - distribution.low + 1))
    elif isinstance(distribution, FloatDistribution):
        low, high = distribution.low, distribution.high
        drawn = low * math.exp(share * math.log(high / low)) if distribution.log else low + share * (high - low)
    value = parameter.value_of(drawn)
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def settings_of(study: Study, data: DataSet, method: Method) -> list[Setting]:
    """The settings of a method on a data set.

    The values of a draw depend on ``draw_seed``, the names of the method and of the key, and the number of the draw
    only: the data sets share them, and other methods, keys or more settings do not change them.
    """
    if not method.search:
        return [Setting(data, method)]
    drawn = [
        {
            each.key: draw(each, random.Random(f"{study.draw_seed} {method.name} {each.key} {number}").random())
            for each in method.search
        }
        for number in range(study.settings)
    ]
    return [Setting(data, method, number, values) for number, values in enumerate(drawn)]


def first_cells(study: Study) -> list[Cell]:
    """All runs but those with fresh seeds: seed by seed, so that an interrupted study has runs of every method."""
    settings = [each for data in study.data for method in study.methods for each in settings_of(study, data, method)]
    return [Cell(setting, seed) for seed in study.seeds for setting in settings]


def fresh_cells(study: Study) -> list[FreshCell]:
    """The runs with fresh seeds, after a search."""
    return [
        FreshCell(data, method, seed) for seed in study.fresh_seeds for data in study.data for method in study.methods
    ]
