"""Private API of Lightning, in one place; ``tests/families/test_compat.py`` fails if it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightning.pytorch.core.optimizer import LightningOptimizer, do_nothing_closure

INSTANTIATOR = "_instantiator"
"""The hyperparameter that Lightning's command line adds to a model's own: the function that builds the model again."""


def take_step_counters(optimizers: Sequence[LightningOptimizer]) -> tuple[Callable[[], None], Callable[[], None]]:
    """Stop optimizers from counting their steps in this batch, and return the functions that count.

    In manual optimization every ``optimizer.step()`` increments ``trainer.global_step``. Lightning sets the two
    functions that do so on each optimizer before each call of ``training_step``, and offers no other unit to count.

    Args:
        optimizers: all optimizers of the run, at least one.

    Returns:
        The functions to call before and after what counts as one step.
    """
    counters = [(optimizer._on_before_step, optimizer._on_after_step) for optimizer in optimizers]
    for optimizer in optimizers:
        optimizer._on_before_step = optimizer._on_after_step = do_nothing_closure
    return counters[0]
