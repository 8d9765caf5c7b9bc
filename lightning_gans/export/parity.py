"""Whether an exported file does what the model does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightning_gans.core.errors import RunEnded
from lightning_gans.export.base import Run
from lightning_gans.export.target import Subject

LIMIT = 1e-4
"""Of values from -1 to 1: a level of grey is 78 times as much."""


@dataclass(frozen=True)
class Parity:
    """How far an exported file is from the model.

    Attributes:
        difference: the largest, of values in [-1, 1].
        compared: on what.
    """

    difference: float
    compared: str

    def __str__(self) -> str:
        return f"largest difference: {self.difference:.2g} ({self.compared})"


def compare(subject: Subject, run: Run) -> Parity:
    """Run both on the same inputs.

    Raises:
        RunEnded: if they differ by more than ``LIMIT`` anywhere, or in shape.
    """
    worst = 0.0
    for inputs in subject.batches():
        own, other = subject.output_of(inputs), run(inputs)
        if own.shape != other.shape:
            raise RunEnded(
                f"the exported generator gives {tuple(other.shape)} where the model gives {tuple(own.shape)}; "
                "nothing was written"
            )
        difference = float((own - other).abs().max())
        worst = difference if math.isnan(difference) else max(worst, difference)
        if not worst <= LIMIT:  # as NaN is not either
            raise RunEnded(
                f"the exported generator differs from the model by {worst:.2g}, which is more than {LIMIT:g}; nothing "
                "was written"
            )
    return Parity(worst, subject.compared())
