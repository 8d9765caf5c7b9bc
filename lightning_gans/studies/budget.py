"""The budget of a run as a number of training steps, which schedules of learning rates need to know.

A budget of images is divided by the size of a batch. A budget of seconds of one core is divided by the time of a step,
which is measured once for each setting, by a short run on one core, and recorded: a run that is resumed on another day
has the steps that it had, and runs of a setting that differ in the seed have equally many. What else a machine does
changes the time of a step, so it is measured relative to a fixed convolution that is computed between the steps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_file, locked
from lightning_gans.studies.cells import Cell, Setting
from lightning_gans.studies.study import Study

STEP_COSTS = "step_costs.json"
"""File of a study's folder with the measured costs of a step, by the setting's name."""


@dataclass(frozen=True)
class StepCost:
    """The measured cost of a training step.

    Attributes:
        core_seconds: seconds of one core in a step, the mean over ``steps``: CPU time of the process, without that of
            processes that load images.
        reference_seconds: those of the fixed convolution in the same run.
        steps: number of steps that were measured.
        peak_mib: the most memory that the process has had, in MiB.
    """

    core_seconds: float
    reference_seconds: float
    steps: int
    peak_mib: float

    @classmethod
    def from_dict(cls, values: Any) -> StepCost:
        """From plain data.

        Raises:
            ValueError: if a value is missing, or no positive number.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or not all(isinstance(values.get(name), int | float) for name in names):
            raise ValueError(f"the cost is {values!r}; expected {', '.join(names)}")
        for name in names:
            if not 0 < values[name] < math.inf:
                raise ValueError(f"{name} is {values[name]}; expected a positive number")
        return cls(**{name: values[name] for name in names})


def read_step_costs(folder: Path) -> dict[str, StepCost]:
    """The costs that were measured for a study, by the setting's name; none if the file does not exist.

    Raises:
        InputError: if the file cannot be read.
    """
    path = folder / STEP_COSTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: StepCost.from_dict(values) for name, values in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); expected the costs that a study has measured") from None


def add_step_cost(folder: Path, name: str, cost: StepCost) -> StepCost:
    """Record a cost, unless another process has recorded one of this setting, and return the one that counts.

    The seconds are scaled to those of the cost that was recorded first, by the seconds of the reference in both.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        costs = read_step_costs(folder)
        if name not in costs:
            reference = next(iter(costs.values()), cost).reference_seconds
            seconds = cost.core_seconds * reference / cost.reference_seconds
            costs[name] = replace(cost, core_seconds=seconds, reference_seconds=reference)
            with atomic_file(folder / STEP_COSTS) as temporary:
                content = {name: asdict(each) for name, each in costs.items()}
                temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return costs[name]


@dataclass(frozen=True)
class BatchSizes:
    """Numbers of images in a step, as the real parser has them.

    Attributes:
        sizes: by the names of the data set and of the method; None if its data has no batches of a known size.
    """

    sizes: Mapping[tuple[str, str], int | None]

    def of(self, setting: Setting, study: Study) -> int:
        """The number of images in a step of a setting, which may have drawn it.

        Raises:
            InputError: if it is not known.
        """
        drawn = setting.drawn.get("data.batch_size", setting.drawn.get("data.init_args.batch_size"))
        size = self.sizes.get((setting.data.name, setting.method.name)) if drawn is None else drawn
        if not isinstance(size, int) or size < 1:
            raise InputError(
                f"budget is {study.budget_on(setting.data)}, but the data of {setting.name} has no batch_size; "
                f"expected a budget of steps (in {study.path})"
            )
        return size


def steps_of(setting: Setting, study: Study, batches: BatchSizes, costs: Mapping[str, StepCost]) -> int | None:
    """The number of steps of a run, at least 1; None if the time of a step is not measured yet."""
    amount = study.budget_on(setting.data).amount
    if study.budget.unit == "steps":
        return int(amount)
    if study.budget.unit == "images":
        return math.ceil(amount / batches.of(setting, study))
    cost = costs.get(setting.name)
    return None if cost is None else max(1, round(amount / cost.core_seconds))


def limits(study: Study, steps: int) -> list[str]:
    """The arguments of ``fit`` that end a run after so many steps, and validate evenly until then."""
    return [
        "--trainer.max_epochs=-1",
        f"--trainer.max_steps={steps}",
        f"--trainer.val_check_interval={math.ceil(steps / study.validations)}",
        "--trainer.check_val_every_n_epoch=null",
        f"--best.monitor=val/{study.score}",
        f"--best.mode={study.mode}",
        *(["--trainer.accelerator=cpu"] if study.budget.unit == "core_seconds" else []),
    ]


def fit_arguments(cell: Cell, study: Study, steps: int, folder: Path, extra: list[str]) -> list[str]:
    """The arguments of a run's ``fit``, the command first.

    Args:
        cell: the run.
        study: the study.
        steps: of the run.
        folder: of the study.
        extra: arguments of the user.
    """
    return [
        "fit",
        *cell.setting.arguments(study, extra),
        *limits(study, steps),
        f"--seed_everything={cell.seed}",
        f"--trainer.logger.save_dir={folder}",
        f"--trainer.logger.name={cell.setting.name}",
        f"--trainer.logger.version=seed-{cell.seed}",
        "--ckpt_path=auto",
    ]
