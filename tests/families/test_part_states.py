"""The state of ADA and other parts in checkpoints: stored, continued, gone back to, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.callbacks.watchdog import restore_checkpoint
from lightning_gans.components.augmentations import ADA, DiffAugment
from lightning_gans.components.penalties import R1, LeCam, Penalties
from lightning_gans.core.errors import InputError
from lightning_gans.families.part_states import PART_STATES
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, last_checkpoint, tiny_dcgan, tiny_trainer, weights


def adaptive(**kwargs: Any) -> ADA:
    return ADA(**{"p": 0.2, "target": 0.0, "interval": 3, "ramp_images": 200, **kwargs})


def fit(folder: Path, steps: int, ckpt_path: Path | None = None, **kwargs: Any) -> DCGAN:
    penalty = Penalties([R1(interval=2), LeCam(start=2)])
    model = tiny_dcgan(**{"augmentation": adaptive(), "penalty": penalty, "accumulate_d": 2, **kwargs})
    callbacks = [EMA(0.9), LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(folder, max_steps=steps, callbacks=callbacks, limit_val_batches=0)
    trainer.fit(model, TinyData(), ckpt_path=ckpt_path)
    return model


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize("cut", [3, 5])
def test_a_run_that_is_resumed_in_an_interval_and_in_an_accumulation_goes_on_as_if_nothing_had_happened(
    cut: int, tmp_path: Path
) -> None:
    whole = fit(tmp_path / "whole", 8)
    fit(tmp_path / "cut", cut)
    torch.manual_seed(99)  # a new process
    resumed = fit(tmp_path / "cut", 8, last(tmp_path / "cut"))
    expected, found = weights(whole), weights(resumed)
    assert not [key for key in expected if not torch.equal(expected[key], found[key])]
    states = [last_checkpoint(tmp_path / folder)[PART_STATES] for folder in ("whole", "cut")]
    assert states[0] == states[1]
    assert states[0]["augmentation"]["p"] != 0.2
    assert (states[0]["augmentation"]["steps"], states[0]["augmentation"]["images"]) == (2, 16)
    assert states[0]["penalty"].keys() == {"1.real", "1.fake"}


def test_a_model_without_such_parts_has_no_states_in_its_checkpoints(tmp_path: Path) -> None:
    fit(tmp_path, 1, augmentation=DiffAugment(), penalty=R1())
    assert PART_STATES not in last_checkpoint(tmp_path)
    # A part that is added later starts anew, and one that is left out is forgotten.
    model = fit(tmp_path, 2, last(tmp_path), penalty=R1())
    assert model.augmentation is not None
    assert model.augmentation.scalars() == {"p": 0.2}
    assert PART_STATES in last_checkpoint(tmp_path)
    fit(tmp_path, 3, last(tmp_path), augmentation=None, penalty=R1())
    assert PART_STATES not in last_checkpoint(tmp_path)


def test_a_rollback_goes_back_to_the_state_of_the_checkpoint(tmp_path: Path) -> None:
    model = fit(tmp_path, 4)
    augmentation = model.augmentation
    assert isinstance(augmentation, ADA)
    then = augmentation.training_state()
    augmentation.p = 0.9
    augmentation.observe(torch.ones(8), 8)
    restore_checkpoint(model.trainer, model, str(last(tmp_path)))
    assert augmentation.training_state() == then


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"p": 0.5}, "'logits'"),
        ({"p": "high"}, "p is 'high'"),
        ({"p": float("nan")}, "p is nan"),
        ([0.5], "it is a list"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state: Any, reason: str, tmp_path: Path) -> None:
    fit(tmp_path, 1)
    checkpoint = last_checkpoint(tmp_path)
    torch.save({**checkpoint, PART_STATES: {"augmentation": state}}, last(tmp_path))
    with pytest.raises(InputError, match=rf"part_states\.augmentation does not fit ADA \({reason}\)"):
        fit(tmp_path, 2, last(tmp_path))
