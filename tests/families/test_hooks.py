"""Updates that skip the hooks that nobody uses compute the same, and hooks that are used are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler
from torch import Tensor

from lightning_gans.families.hooks import NoProfiler
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights


class Counts(Callback):
    """Counts the calls of the hooks of an update."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        self.calls.append("on_before_backward")

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        self.calls.append("on_after_backward")

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.calls.append("on_before_optimizer_step")


@pytest.mark.parametrize("options", [{}, {"clip_g": 0.1, "clip_d": 0.1}, {"accumulate_d": 2}, {"n_critic": 2}])
def test_an_update_without_hooks_computes_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    trained = []
    for callbacks in ([], [Counts()]):
        model = tiny_dcgan(**options)
        trainer = tiny_trainer(tmp_path, max_steps=4, limit_val_batches=0, callbacks=callbacks)
        trainer.fit(model, TinyData())
        trained.append((weights(model), dict(trainer.logged_metrics)))
    (direct, logged), (hooked, logged_too) = trained
    assert all(torch.equal(value, hooked[name]) for name, value in direct.items())
    assert logged == logged_too
    assert "grad_norm/d" in logged


def test_hooks_of_callbacks_are_called_in_every_update(tmp_path: Path) -> None:
    counts = Counts()
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, callbacks=[counts]).fit(tiny_dcgan(), TinyData())
    assert counts.calls == ["on_before_backward", "on_after_backward", "on_before_optimizer_step"] * 6


@pytest.mark.parametrize("hook", ["on_before_backward", "on_after_backward", "backward"])
def test_hooks_of_the_model_are_called_in_every_update(tmp_path: Path, hook: str, monkeypatch: Any) -> None:
    calls = []
    original = getattr(DCGAN, hook)

    def counted(self: Any, *args: Any, **kwargs: Any) -> None:
        calls.append(hook)
        original(self, *args, **kwargs)

    monkeypatch.setattr(DCGAN, hook, counted)
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(tiny_dcgan(), TinyData())
    assert calls == [hook] * 4


def test_a_default_profiler_is_replaced_and_another_one_is_not(tmp_path: Path) -> None:
    trainer: Any = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    assert type(trainer.profiler) is PassThroughProfiler
    trainer.fit(tiny_dcgan(), TinyData())
    assert type(trainer.profiler) is NoProfiler
    profiler = SimpleProfiler()
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, profiler=profiler)
    trainer.fit(tiny_dcgan(), TinyData())
    assert trainer.profiler is profiler
    assert "run_training_batch" in profiler.recorded_durations
