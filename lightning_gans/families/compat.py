"""Private API of Lightning, in one place; ``tests/families/test_compat.py`` fails if it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightning.pytorch.core.optimizer import LightningOptimizer, do_nothing_closure

INSTANTIATOR = "_instantiator"
"""The hyperparameter that Lightning's command line adds to a model's own: the function that builds the model again."""

RESTORING_MODULE = "lightning.pytorch.trainer.connectors.checkpoint_connector"
"""The module of Lightning's functions that restore a run from a checkpoint, which call no code of a training step."""


def take_step_counters(optimizers: Sequence[LightningOptimizer]) -> tuple[Callable[[], None], Callable[[], None]]:
    """Stop optimizers from counting their steps in this batch, and return the functions that count.

    In manual optimization every ``optimizer.step()`` increments ``trainer.global_step``. Lightning sets the two
    functions that do so on each optimizer before each call of ``training_step``, and offers no other unit to count.
    They also profile what is between them as "optimizer_step", which would be the whole batch.

    Args:
        optimizers: all optimizers of the run, at least one.

    Returns:
        The functions to call before and after what counts as one step.
    """
    # The owner of Lightning's functions, the loop of manual optimization.
    progress = optimizers[0]._on_before_step.__self__.optim_step_progress  # type: ignore[attr-defined]
    for optimizer in optimizers:
        optimizer._on_before_step = optimizer._on_after_step = do_nothing_closure
    return progress.increment_ready, progress.increment_completed


def settle_progress(loops: dict[str, Any], counts_steps: bool) -> None:
    """Change a checkpoint's progress, in place, so that ``fit`` continues with the batch after the last trained one.

    Lightning restores the progress of a checkpoint from ``on_validation_end``, or from ``on_train_batch_end`` within an
    epoch. From other checkpoints it continues wrongly:

    - Written at the end of an epoch, if the trainer has ``max_steps``: it trains one more batch in that epoch.
    - Written in ``on_train_batch_end`` after the last batch of an epoch: the next epoch does not count as started, so
      that the next resumed run is wrong.
    - Written when the run had ended within an epoch: that epoch counts as finished.

    Args:
        loops: ``checkpoint["loops"]``.
        counts_steps: whether the trainer has ``max_steps``.
    """
    fit = loops["fit_loop"]
    epochs, batches, rest = fit["epoch_progress"], fit["epoch_loop.batch_progress"], fit["epoch_loop.state_dict"]
    epoch, batch, total = epochs["current"], batches["current"], batches["total"]
    if epoch["ready"] != epoch["started"] or not batch["processed"]:
        return  # before the first batch of an epoch
    last, before_end = batches["is_last_batch"], batch["completed"] < batch["processed"]
    counted = epoch["processed"] == epoch["started"]
    if not counted and (not last or not before_end):
        return
    for progress in (epochs["total"], epochs["current"]):
        progress["processed"] = progress["completed"] = progress["started"] - (0 if last else 1)
    # Lightning adds one to these counters if it restarts, as it does within an epoch, or if the trainer has max_steps.
    missing = 1 if not last or counts_steps else 0
    total["completed"] = total["processed"] - missing
    rest["_batches_that_stepped"] += (1 if before_end else 0) - missing
    if last:
        batches["is_last_batch"] = False
        batch.update(ready=0, started=0, processed=0)
    batch["completed"] = batch["processed"] - missing


def finished_epochs(loops: Mapping[str, Any]) -> int:
    """The number of epochs that a run had trained to their last batch when its checkpoint was written.

    Args:
        loops: ``checkpoint["loops"]``.
    """
    fit = loops["fit_loop"]
    epoch, batches = fit["epoch_progress"]["current"], fit["epoch_loop.batch_progress"]
    if not batches["current"]["processed"]:
        return int(epoch["processed"])  # before the first batch of an epoch
    return int(epoch["started"]) - (0 if batches["is_last_batch"] else 1)
