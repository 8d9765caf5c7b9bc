"""What a trainer does in every step for nothing, left out: a tenth of a small network's step."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.profilers import PassThroughProfiler

NOTHING = nullcontext()

STEP_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


class NoProfiler(PassThroughProfiler):
    """Lightning's own for runs that are not profiled makes a context for each of the 150 calls of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]  # not a generator
        """The same context every time."""
        return NOTHING


def leave_out_idle_hooks(callbacks: Iterable[Callback]) -> None:
    """Hide the hooks of a step that callbacks have but do not use.

    A step calls eight hooks of some fifteen callbacks, nearly all of them empty. Lightning passes over those that are
    not callable.
    """
    for callback in callbacks:
        for hook in STEP_HOOKS:
            if getattr(callback, hook) == getattr(Callback, hook).__get__(callback):
                setattr(callback, hook, None)
