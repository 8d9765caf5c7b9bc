"""One side of the game."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Side:
    """One side of the game, as :meth:`Adversarial.optimize` sees it."""

    optimizer: int
    interval: int
    accumulate: int
    clip: float | None
    parameters: list[nn.Parameter]

    def is_due(self, step: int) -> bool:
        """Whether it is this side's turn in batch number ``step`` (from 0)."""
        return (step + 1) % self.interval == 0

    def is_accumulating(self, step: int) -> bool:
        """Whether, before batch number ``step``, gradients are being accumulated."""
        return self.update_index(step) % self.accumulate > 0

    def update_index(self, step: int) -> int:
        """Which of this side's turns batch number ``step`` is, from 0."""
        return step // self.interval

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Leave this side's weights out of the graph of what is computed here, the other side's loss.

        The backward pass of a compiled network computes the gradients of all that is in its graph, asked for or not.
        """
        for weight in self.parameters:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in self.parameters:
                weight.requires_grad_(True)
