"""One side of the game, generators or discriminators: when it is due, and what an update of it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Side:
    """All generators or all discriminators of a variant, which one optimizer updates.

    Attributes:
        optimizer: index of the optimizer in ``LightningModule.optimizers()``.
        interval: the side is due in every ``interval``-th batch.
        accumulate: number of batches, of those in which the side is due, whose mean gradient is used in one step.
        clip: largest norm of the gradient; None turns clipping off.
        parameters: the parameters of all networks of the side that are trained.
    """

    optimizer: int
    interval: int
    accumulate: int
    clip: float | None
    parameters: list[nn.Parameter]

    def is_due(self, step: int) -> bool:
        """Whether the side is due in batch number ``step`` (from 0)."""
        return (step + 1) % self.interval == 0

    def is_accumulating(self, step: int) -> bool:
        """Whether gradients of earlier batches are accumulated before batch number ``step`` (from 0)."""
        return self.update_index(step) % self.accumulate > 0

    def update_index(self, step: int) -> int:
        """The number of batches before batch number ``step`` (from 0) in which the side was due."""
        return step // self.interval

    def window_start(self, step: int) -> int:
        """The first of the batches whose mean gradient batch number ``step`` (from 0) contributes to."""
        first = self.update_index(step) // self.accumulate * self.accumulate
        return (first + 1) * self.interval - 1

    def updates(self, steps: int) -> int:
        """The number of optimizer steps that the side has done after the run's first ``steps`` batches."""
        return self.update_index(steps) // self.accumulate

    def clear_gradients(self) -> None:
        """Set all gradients to None, which frees their memory; faster than ``zero_grad`` of the optimizer."""
        for weight in self.parameters:
            weight.grad = None

    def frozen(self) -> AbstractContextManager[None]:
        """Context in which this side's parameters do not require gradients, for computing the other side's loss."""
        return frozen(self.parameters)


@contextmanager
def frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Context in which parameters that are trained do not require gradients: what is computed in it does not move them.

    The backward pass of a compiled network computes the gradients of all parameters in its graph, used or not.
    """
    weights = [weight for weight in parameters if weight.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
