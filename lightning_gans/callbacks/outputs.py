"""What a validation would compute, during training and without Lightning's loop."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.utilities.seed import isolate_rng

from lightning_gans.core.batches import EvaluationOutput
from lightning_gans.core.data import data_module
from lightning_gans.core.drawing import is_picture


def evaluation_loader(trainer: Trainer) -> Iterable[Any] | None:
    """The batches of validation on this process; None if there is no validation."""
    if not trainer.enable_validation:
        return None
    loaders: Any = trainer.val_dataloaders
    data: LightningDataModule | None = trainer.datamodule  # type: ignore[attr-defined]  # set outside __init__
    if loaders is None and data is not None:
        loaders = data.val_dataloader()
    return next(iter(loaders), None) if isinstance(loaders, list | tuple) else loaders


def validation_outputs(
    trainer: Trainer, pl_module: LightningModule, loader: Iterable[Any]
) -> Generator[EvaluationOutput]:
    """The outputs of ``validation_step`` for the batches of a loader; close it after the last one that is needed.

    No other process takes part, no callback is called, and training goes on as if nothing had happened.
    """
    with evaluating(trainer, pl_module):
        for index, batch in enumerate(loader):
            moved = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(batch))
            with trainer.precision_plugin.val_step_context():
                outputs: Any = pl_module.validation_step(moved, index)
            yield outputs


@contextmanager
def evaluating(trainer: Trainer, pl_module: LightningModule) -> Iterator[None]:
    """Context within training for evaluation that leaves no trace: not in random numbers, nor in modules' modes."""
    training = [module for module in pl_module.modules() if module.training]
    with isolate_rng(), torch.no_grad():
        trainer.validating = True
        pl_module.eval()
        try:
            yield
        finally:
            trainer.training = True
            for module in training:
                module.training = True


def check_drawable(trainer: Trainer, name: str, value: int) -> None:
    """Check that the data's images can be drawn.

    Args:
        trainer: trainer with the data.
        name: the callback's argument that is 0 if nothing is to be drawn.
        value: the argument.

    Raises:
        ValueError: if the data's images are points in the plane.
    """
    if (data := data_module(trainer)) is not None and not is_picture(data.size):
        raise ValueError(f"{name} is {value}; expected 0, as the data's images are points in the plane, not pictures")
