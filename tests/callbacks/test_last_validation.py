"""A run that ends has scores and a checkpoint of its last step, whatever the schedule of validations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from lightning_gans.callbacks import Evaluation, LastCheckpoint
from lightning_gans.runs.folder import RunFolder
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


class Validated(Callback):
    """Notes after which epochs begun and steps there was a validation."""

    def __init__(self) -> None:
        self.at: list[tuple[int, int]] = []

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self.at.append(pl_module.progress)


class Stop(Callback):
    """Asks the trainer to stop after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        trainer.should_stop |= trainer.global_step == self.step


EVERY_TWO = {"check_val_every_n_epoch": None, "val_check_interval": 2}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_steps": 3}, [(1, 3)]),
        ({"max_steps": 5}, [(1, 5)]),
        ({"max_steps": 7}, [(1, 5), (2, 7)]),
        ({"max_epochs": 2, "check_val_every_n_epoch": 5}, [(2, 10)]),
        ({"max_epochs": 3, "check_val_every_n_epoch": 2}, [(2, 10), (3, 15)]),
        ({"max_epochs": 2}, [(1, 5), (2, 10)]),
        ({"max_epochs": 1, **EVERY_TWO}, [(1, 2), (1, 4), (1, 5)]),
        ({"max_steps": 4, **EVERY_TWO}, [(1, 2), (1, 4)]),
        ({"max_epochs": 2, "val_check_interval": "01:00:00:00"}, [(2, 10)]),
        ({"max_epochs": 9, "callbacks": [Stop(7)]}, [(1, 5), (2, 7)]),
        ({"max_epochs": 9, "min_steps": 12, "callbacks": [Stop(7)]}, [(1, 5), (2, 10), (3, 12)]),
        ({"max_steps": 3, "limit_val_batches": 0}, []),
    ],
)
def test_the_last_step_is_validated_once(
    options: dict[str, Any], expected: list[tuple[int, int]], tmp_path: Path
) -> None:
    validated = Validated()
    callbacks = [*options.get("callbacks", []), validated, LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(tmp_path, **{**options, "callbacks": callbacks})
    schedule = trainer.check_val_every_n_epoch
    trainer.fit(tiny_dcgan(), TinyData())
    assert validated.at == expected
    assert trainer.check_val_every_n_epoch == schedule
    last = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == trainer.global_step


def test_a_short_run_has_scores_and_a_best_checkpoint(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/fid", save_on_train_epoch_end=False)
    options = {"max_steps": 3, "check_val_every_n_epoch": 10}
    trainer = tiny_trainer(tmp_path, **options, callbacks=[Evaluation(), best, LastCheckpoint()])
    trainer.fit(tiny_dcgan(), TinyData())
    (row,) = RunFolder(tmp_path).read_scores()
    assert (row.step, row.epoch) == (3, 1)
    assert torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["global_step"] == 3


def test_a_kill_in_the_last_validation_leaves_its_step_to_be_done_again(tmp_path: Path) -> None:
    class Kill(Callback):
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            raise InterruptedError

    def run(*callbacks: Callback, ckpt_path: Path | None = None) -> list[tuple[int, int]]:
        validated = Validated()
        callbacks = (validated, *callbacks, LastCheckpoint(every_n_steps=1))
        trainer = tiny_trainer(tmp_path, max_steps=3, callbacks=list(callbacks))
        trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=ckpt_path)
        return validated.at

    with pytest.raises(InterruptedError):
        run(Kill())
    assert run(ckpt_path=tmp_path / "checkpoints" / "last.ckpt") == [(1, 3)]
