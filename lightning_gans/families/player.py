"""One side of the game."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Player:
    """One side of the game, as :meth:`Adversarial.step` sees it."""

    optimizer: int
    every: int
    accumulate: int
    clip: float | None
    parameters: list[nn.Parameter]

    def moves(self, step: int) -> bool:
        """Whether it is this side's turn in batch number ``step`` (from 0)."""
        return (step + 1) % self.every == 0

    def between_steps(self, step: int) -> bool:
        """Whether, before batch number ``step``, gradients are being accumulated."""
        return self.turn(step) % self.accumulate > 0

    def turn(self, step: int) -> int:
        """Which of this side's turns batch number ``step`` is, from 0."""
        return step // self.every

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
