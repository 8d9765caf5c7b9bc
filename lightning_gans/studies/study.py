"""What a study compares: methods, data, seeds, a budget and search spaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lightning_gans.runs.scores import better
from lightning_gans.sweeps.space import Parameter

Unit = Literal["steps", "images", "core_seconds"]


@dataclass(frozen=True)
class Budget:
    """What each run may use.

    Attributes:
        unit: "steps", "images" for training images, each as often as it is used, or "core_seconds" for seconds of one
            core spent in training steps.
        amount: how many, more than 0.
    """

    unit: Unit
    amount: float

    def __str__(self) -> str:
        return f"{self.amount:,g} {'seconds of one core' if self.unit == 'core_seconds' else self.unit}"


@dataclass(frozen=True)
class DataSet:
    """Data that methods are compared on.

    Attributes:
        name: part of the names of runs; empty for the data of each method's own config.
        config: name or path of a config on top of the method's; None if there is none.
        overrides: values by dotted key.
        budget: of each run on it; None for that of the study.
    """

    name: str = ""
    config: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    budget: Budget | None = None


@dataclass(frozen=True)
class Method:
    """A method that is compared.

    Attributes:
        name: part of the names of runs.
        config: name or path of its config.
        overrides: values by dotted key.
        search: the keys whose values are drawn; empty if the method has one setting.
    """

    name: str
    config: str
    overrides: dict[str, Any] = field(default_factory=dict)
    search: list[Parameter] = field(default_factory=list)


@dataclass(frozen=True)
class Study:
    """A study file.

    Attributes:
        path: the file.
        name: of its folder: the file's name without suffix.
        score: name of the score that compares, without the split.
        columns: names of further scores in the table; None for all.
        budget: of each run on data without one of its own.
        validations: number of validations of each run, evenly spaced; the last one is at its end.
        seeds: of each setting.
        overrides: values by dotted key, of all methods.
        data: at least one.
        methods: at least one.
        settings: number of settings that are drawn for each method; 1 without a search.
        fresh_seeds: with which the best setting of each method is trained again; empty without a search.
        draw_seed: of the settings.
    """

    path: Path
    name: str
    score: str
    columns: list[str] | None
    budget: Budget
    validations: int
    seeds: list[int]
    overrides: dict[str, Any]
    data: list[DataSet]
    methods: list[Method]
    settings: int = 1
    fresh_seeds: list[int] = field(default_factory=list)
    draw_seed: int = 0

    @property
    def searches(self) -> bool:
        """Whether settings are drawn."""
        return bool(self.fresh_seeds)

    def budget_on(self, data: DataSet) -> Budget:
        """The budget of each run on a data set, in the study's unit."""
        return data.budget or self.budget

    @property
    def mode(self) -> Literal["min", "max"]:
        """Whether less or more of the score is better."""
        return better(self.score) or "min"
