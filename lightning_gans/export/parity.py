"""Comparison of an exported generator with the model that it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightning_gans.core.errors import RunEnded
from lightning_gans.export.target import ExportTarget, Runner

LIMIT = 1e-4
"""Largest allowed difference of values in [-1, 1]; one level of gray is 78 times larger."""


@dataclass(frozen=True)
class Parity:
    """The difference between an exported generator and the model.

    Attributes:
        difference: largest absolute difference of values in [-1, 1].
        compared: the inputs that were compared, in words.
    """

    difference: float
    compared: str

    def __str__(self) -> str:
        return f"largest difference: {self.difference:.2g} ({self.compared})"


def compare(target: ExportTarget, runner: Runner) -> Parity:
    """Run the exported generator and the model on the same inputs.

    Raises:
        RunEnded: if an output differs by more than ``LIMIT``, or in its shape.
    """
    largest = 0.0
    for inputs in target.test_inputs():
        expected, exported = target.model_output(inputs), runner(inputs)
        if expected.shape != exported.shape:
            raise RunEnded(
                f"the exported generator returns shape {tuple(exported.shape)}, the model {tuple(expected.shape)}; "
                "nothing was written"
            )
        difference = float((expected - exported).abs().max())
        largest = difference if math.isnan(difference) else max(largest, difference)
        if not largest <= LIMIT:  # also true for NaN
            raise RunEnded(
                f"the exported generator differs from the model by {largest:.2g}, which is more than {LIMIT:g}; "
                "nothing was written"
            )
    return Parity(largest, target.test_description())
