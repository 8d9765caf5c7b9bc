"""Measures the cost of a training step in a short run: ``python -m lightning_gans.cli.step_cost ARGUMENTS OF FIT``.

Writes one line of JSON to stdout, see :class:`.StepCost`. Nothing that the run writes is kept.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_gans.callbacks.performance import peak_memory
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.core.errors import exit_on_known_errors
from lightning_gans.studies.budget import StepCost
from lightning_gans.training import filter_warnings

WARM_UP = 8
"""Steps before the measurement."""

FEWEST_STEPS, ENOUGH_SECONDS = 48, 4.0
"""The measurement ends after as many steps, if it has taken as many seconds."""

FEWEST_SLOW_STEPS, MOST_SECONDS = 16, 60.0
"""It ends after fewer steps if it has taken more seconds."""


LONG = 10**9
"""Steps of the run, and epochs before a validation: more than are measured."""


class Measured(Exception):  # noqa: N818 (no error)
    """Ends the run when its steps are measured.

    Args:
        cost: of a step.
    """

    def __init__(self, cost: StepCost) -> None:
        super().__init__("the cost of a step is measured")
        self.cost = cost


class StepTimer(Callback):
    """Measures the CPU time of training steps and of a fixed convolution, and raises :class:`Measured`.

    The clock of the steps runs from the end of one step to the end of another, so that loading of the batches counts.
    The convolution is computed in between: what slows the machine down slows both, and their ratio tells steps apart
    that were measured at different times.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._start = self._reference = 0.0
        self._images, self._kernel = torch.ones(8, 64, 16, 16), torch.ones(64, 64, 3, 3)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the step, and end the run if enough are measured."""
        self._steps += 1
        steps = self._steps - WARM_UP
        if steps > 0:
            seconds = time.process_time() - self._start - self._reference
            if is_enough(steps, seconds):
                memory = peak_memory(pl_module.device) / 2**20
                raise Measured(StepCost(seconds / steps, self._reference / (steps - 1), steps, memory))
        before = time.process_time()
        torch.nn.functional.conv2d(self._images, self._kernel, padding=1)
        if steps == 0:
            self._start = time.process_time()
        elif steps > 0:
            self._reference += time.process_time() - before


def is_enough(steps: int, seconds: float) -> bool:
    """Whether so many measured steps, which took so many seconds, are enough."""
    if steps >= FEWEST_STEPS and seconds >= ENOUGH_SECONDS:
        return True
    return steps >= FEWEST_SLOW_STEPS and seconds >= MOST_SECONDS


class MeasuringCLI(LightningGANsCLI):
    """The training command line with a :class:`StepTimer`."""

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Build the trainer; the timer is its last callback."""
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.append(StepTimer())  # type: ignore[attr-defined]  # set outside __init__
        return trainer


def measure(arguments: list[str]) -> StepCost:
    """Measure the cost of a step.

    Args:
        arguments: of ``fit``, without limits and without a folder.

    Raises:
        InputError: if they are not valid.
        RuntimeError: if the run ended before.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Schedules need to know the length of the run.
        long = [f"--trainer.{key}={LONG}" for key in ("max_steps", "check_val_every_n_epoch")]
        own = [*long, "--trainer.max_epochs=-1", "--samples.count=0", f"--trainer.logger.save_dir={folder}"]
        try:
            with contextlib.redirect_stdout(sys.stderr):
                build(["fit", *arguments, *own], MeasuringCLI)
        except Measured as ended:
            return ended.cost
    raise RuntimeError("the run ended before the cost of a step was measured")


def main() -> None:
    """Measure, and print the cost."""
    filter_warnings()
    sys.path.append(str(Path.cwd()))  # as for `fit`: a user's own module
    with exit_on_known_errors():
        cost = measure(sys.argv[1:])
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    main()
