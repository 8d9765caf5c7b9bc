from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.cli.trainer_overhead import STEP_HOOKS, NoProfiler, leave_out_idle_hooks
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


class Uses(Callback):
    """Has one hook of its own, inherited or its instance's."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def on_after_backward(self, *_: Any) -> None:
        self.called.append("on_after_backward")


class Inherits(Uses):
    pass


def test_hooks_that_are_used_are_called_and_others_are_hidden(tmp_path: Path) -> None:
    inherits, own, idle = Inherits(), Callback(), Callback()
    seen: list[int] = []
    own.on_train_batch_end = lambda *_: seen.append(1)  # type: ignore[method-assign]
    callbacks = [inherits, own, idle, EMA(0.5), LastCheckpoint()]
    leave_out_idle_hooks(callbacks)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=1, callbacks=callbacks, profiler=NoProfiler())
    trainer.fit(tiny_dcgan(), TinyData())
    assert inherits.called == ["on_after_backward"] * 4  # both sides in each of two steps
    assert seen == [1, 1]
    assert [hook for hook in STEP_HOOKS if getattr(idle, hook) is not None] == []
    assert trainer.global_step == 2


def test_the_averages_are_those_of_a_run_with_all_hooks(tmp_path: Path) -> None:
    averages = []
    for lean in (False, True):
        callbacks: list[Callback] = [EMA(0.5), LastCheckpoint()]
        if lean:
            leave_out_idle_hooks(callbacks)
        model = tiny_dcgan()
        tiny_trainer(tmp_path / str(lean), max_steps=3, limit_val_batches=0, callbacks=callbacks).fit(model, TinyData())
        averages.append(model.ema.state_dict())
    assert all((averages[0][key] == value).all() for key, value in averages[1].items())


def test_one_context_is_entered_twice() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
