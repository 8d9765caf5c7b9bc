"""Calls of Lightning's hooks that a run does not need: each of its steps would pass them to every callback."""

from __future__ import annotations

from contextlib import nullcontext

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision, Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden

UPDATE_HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")
"""Hooks that Lightning calls in an update of one side."""


def uses_update_hooks(module: LightningModule) -> bool:
    """Whether an update must go through Lightning: through its strategy, its precision plugin or a hook of the user's.

    Otherwise backward pass and optimizer step can be called directly, which computes the same. With the callbacks of
    this package, calling each of the three hooks of an update on every callback takes about a quarter of a millisecond.

    Args:
        module: a module whose trainer is set. Its own ``on_before_optimizer_step`` is not considered.
    """
    trainer = module.trainer
    plugin = trainer.precision_plugin
    scales = isinstance(plugin, MixedPrecision) and plugin.scaler is not None
    if type(trainer.strategy) is not SingleDeviceStrategy or type(plugin) not in (Precision, MixedPrecision) or scales:
        return True
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
    return any(is_overridden(hook, module, LightningModule) for hook in ("backward", *UPDATE_HOOKS[:2])) or any(
        is_overridden(hook, callback, Callback) for hook in UPDATE_HOOKS for callback in callbacks
    )


class NoProfiler(PassThroughProfiler):
    """As Lightning's default, which measures nothing, without a generator for each measured action.

    Lightning enters a context for each callback in each hook, which is more than a hundred per step.
    """

    profile = nullcontext  # type: ignore[assignment]  # called with the name of the action, which its context returns


def skip_profiling(trainer: Trainer) -> None:
    """Replace the default profiler of a trainer by :class:`NoProfiler`; one that the user chose stays."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]  # set outside __init__
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
