"""16-mixed: the loss scale of each side, accumulation, skipped steps, resume."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1
from lightning_gans.variants import DCGAN
from tests.support.half import Gradients, emulated_half, half_trainer
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.01)


@pytest.mark.parametrize("interval", [1, 2])
def test_gradients_that_are_accumulated_have_the_same_loss_scale(interval: int, tmp_path: Path) -> None:
    """G's steps double a common loss scale between D's batches."""
    seen = []
    half = partial(half_trainer, plugin=emulated_half(64.0, growth_interval=interval))
    for make_trainer in (tiny_trainer, half):
        gradients = Gradients(1)
        trainer = make_trainer(tmp_path, max_steps=8, limit_val_batches=0, callbacks=[gradients])
        trainer.fit(tiny_dcgan(accumulate_d=4, optimizer_g=sgd, optimizer_d=sgd), TinyData())
        seen.append(gradients.seen)
    for gradient, expected in zip(seen[1], seen[0], strict=True):
        assert (gradient - expected).norm() < 0.05 * expected.norm()


def half_run(folder: Path, steps: int, ckpt_path: Path | None = None) -> tuple[DCGAN, dict[str, Any]]:
    """A run that accumulates D's gradients, with a checkpoint in the middle of an accumulation; its last checkpoint."""
    plugin = emulated_half(1024.0, growth_interval=3)
    trainer = half_trainer(folder, plugin, max_steps=steps, callbacks=[LastCheckpoint(every_n_steps=1)])
    model = tiny_dcgan(accumulate_d=2)
    trainer.fit(model, TinyData(), ckpt_path=None if ckpt_path is None else str(ckpt_path))
    return model, torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def test_a_resumed_run_goes_on_with_the_loss_scale_of_each_side(tmp_path: Path) -> None:
    whole, expected = half_run(tmp_path / "whole", 12)
    half_run(tmp_path / "cut", 7)
    resumed, checkpoint = half_run(tmp_path / "cut", 12, tmp_path / "cut" / "checkpoints" / "last.ckpt")
    assert checkpoint["MixedPrecision"] == expected["MixedPrecision"]
    assert checkpoint["MixedPrecision"]["scale"] == 1024 * 2**4
    assert checkpoint["loss_scaling"] == expected["loss_scaling"]
    assert checkpoint["loss_scaling"]["d"]["scale"] == 1024 * 2**2
    assert all(torch.equal(value, weights(whole)[key]) for key, value in weights(resumed).items())


class Overflow(Callback):
    """Lets D's gradients overflow from a step on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.first:
            next(pl_module.discriminator.parameters()).register_hook(lambda gradient: gradient * float("inf"))


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters)


@pytest.mark.parametrize("optimizer", [GANAdam, adam])
def test_an_overflow_of_one_side_skips_its_steps_only(
    optimizer: Callable[[Any], torch.optim.Optimizer], tmp_path: Path
) -> None:
    model = tiny_dcgan(optimizer_d=optimizer, clip_d=1.0)
    trainer = half_trainer(tmp_path, emulated_half(1024.0), max_steps=5, callbacks=[Overflow(2)])
    trainer.fit(model, TinyData())
    logged = {key: float(value) for key, value in model.last_logged.items()}
    assert (logged["loss_scale/g"], logged["loss_scale/d"]) == (1024, 1024 / 8)
    assert (logged["skipped_steps/g"], logged["skipped_steps/d"]) == (0, 3)
    assert {float(state["step"]) for state in trainer.optimizers[1].state.values()} == {2}
    assert all(value.isfinite().all() for value in weights(model).values())


@pytest.mark.parametrize("interval", [1, 100])
def test_no_step_waits_for_the_device_to_know_whether_it_is_skipped(
    interval: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_dcgan(clip_g=1.0, penalty=R1())
    step, reads = model.adversarial_step, []

    def counted(read: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
        def count(self: Tensor) -> Any:
            reads.append(read)
            return read(self)

        return count

    def watched(batch: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("item", "tolist", "__bool__", "__float__"):
                patch.setattr(Tensor, name, counted(getattr(Tensor, name)))
            step(batch)

    monkeypatch.setattr(model, "adversarial_step", watched)
    half_trainer(tmp_path, max_steps=3, log_every_n_steps=interval).fit(model, TinyData())
    assert reads == []
