from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from lightning_gans.callbacks import EMA, LastCheckpoint, Watchdog, symptoms
from lightning_gans.callbacks.symptoms import (
    CollapseWarning,
    TrainingWarning,
)
from lightning_gans.cli import train as cli
from lightning_gans.families import meter
from lightning_gans.variants import DCGAN
from tests.support.tiny import At, TinyData, last_checkpoint, tiny_dcgan, tiny_trainer, weights


@pytest.fixture(autouse=True)
def _looked_at_from_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs here have a dozen steps."""
    monkeypatch.setattr(symptoms, "FIRST_STEP", 0)


class Scripted(Callback):
    """Has the batches record a given spread, look after look, and the validations a recall and an ever worse FID."""

    def __init__(self, spreads: Sequence[float], recalls: Sequence[float] = (), worse: float = 1.0) -> None:
        self.spreads = spreads
        self.recalls = list(recalls)
        self.worse = worse

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        pl_module.last_logged["variance_ratio"] = torch.tensor(self.spreads[trainer.global_step - 1])

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("val/fid", self.worse * trainer.global_step)
        if self.recalls:
            pl_module.log("val/recall", self.recalls.pop(0))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "watchdog.jsonl").read_text().splitlines()]


COLLAPSING = [1.0] * 5 + [0.01] * 15
"""With a window of 3, flagged at step 7."""


def test_a_symptom_is_warned_of_and_written_with_its_evidence(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=20, callbacks=[Scripted(COLLAPSING), Watchdog(window=3)])
    with pytest.warns(
        CollapseWarning, match=r"collapse at step 7: .*\(variance_ratio 0\.01, best variance_ratio 1\)$"
    ) as warned:
        trainer.fit(tiny_dcgan(), TinyData())
    assert len([one for one in warned if issubclass(one.category, TrainingWarning)]) == 1
    (line,) = lines(tmp_path)
    assert line["evidence"] == {"variance_ratio": pytest.approx(0.01), "best variance_ratio": 1.0}
    assert {key: line[key] for key in ("step", "epoch", "symptom")} == {"step": 7, "epoch": 2, "symptom": "collapse"}
    assert trainer.global_step == 20


def test_scores_of_a_validation_are_looked_at(tmp_path: Path) -> None:
    scripted = Scripted([1.0] * 20, recalls=[0.5, 0.6, 0.1, 0.1])
    with pytest.warns(CollapseWarning, match=r"at step 15: .*\(val/recall 0\.1, best val/recall 0\.6\)"):
        tiny_trainer(tmp_path, max_steps=20, callbacks=[scripted, Watchdog()]).fit(tiny_dcgan(), TinyData())
    assert [line["step"] for line in lines(tmp_path)] == [15]


def test_a_window_of_zero_detects_no_symptoms(tmp_path: Path) -> None:
    scripted = Scripted(COLLAPSING, recalls=[0.9, 0.0, 0.0, 0.0])
    tiny_trainer(tmp_path, max_steps=20, callbacks=[scripted, Watchdog(window=0)]).fit(tiny_dcgan(), TinyData())
    assert not (tmp_path / "watchdog.jsonl").exists()


def test_nothing_is_looked_at_between_logged_steps_or_twice(tmp_path: Path) -> None:
    watchdog = Watchdog(window=3)
    scripted = Scripted([float(step) for step in range(1, 21)])
    trainer = tiny_trainer(tmp_path, max_steps=20, callbacks=[scripted, watchdog], log_every_n_steps=4)
    trainer.fit(tiny_dcgan(n_critic=8), TinyData())
    windows = watchdog.state_dict()["diagnosis"]["windows"]
    assert windows["variance_ratio"] == [12.0, 16.0, 20.0]
    assert len(windows["grad_norm/d"]) == 3
    assert len(windows["grad_norm/g"]) == 2  # of steps 8 and 16, the ones that it moves in


def test_stop_ends_the_run(tmp_path: Path) -> None:
    callbacks: list[Callback] = [Scripted(COLLAPSING), Watchdog(window=3, stop=True), LastCheckpoint()]
    trainer = tiny_trainer(tmp_path, max_steps=20, callbacks=callbacks)
    with pytest.warns(CollapseWarning, match="the run ends"):
        trainer.fit(tiny_dcgan(), TinyData())
    assert trainer.global_step == 7
    assert last_checkpoint(tmp_path)["global_step"] == 7


class Compare(Callback):
    """Notes how model and optimizers stand after a step, and the learning rate."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.state: dict[str, Tensor] = {}
        self.optimizers: list[dict[str, Any]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.state = weights(pl_module)
            self.optimizers = [copy.deepcopy(optimizer.state_dict()) for optimizer in trainer.optimizers]


def halving(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)


def test_a_run_goes_back_to_its_best_checkpoint_as_often_as_it_may(tmp_path: Path) -> None:
    spreads = [*COLLAPSING[:7], *[1.0] * 5, *[0.01] * 18]
    compare = Compare(7)
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/fid")
    callbacks: list[Callback] = [EMA(0.9), Scripted(spreads), Watchdog(window=3, max_rollbacks=1), compare, best]
    trainer = tiny_trainer(tmp_path, max_steps=30, callbacks=callbacks)
    with pytest.warns(CollapseWarning) as warned:
        trainer.fit(tiny_dcgan(scheduler_g=halving), TinyData())
    said = [str(one.message) for one in warned if issubclass(one.category, CollapseWarning)]
    assert ["the best checkpoint, of step 5, is restored" in message for message in said] == [True, False]
    assert [line.get("rolled_back_to") for line in lines(tmp_path)] == [5, None]
    stored = torch.load(best.best_model_path, weights_only=True)
    assert stored["global_step"] == 5
    assert any(key.startswith("ema.") for key in compare.state)
    assert all(torch.equal(value, compare.state[key]) for key, value in stored["state_dict"].items())
    for now, then in zip(compare.optimizers, stored["optimizer_states"], strict=True):
        for index, moments in then["state"].items():
            assert all(torch.equal(value, now["state"][index][name]) for name, value in moments.items())
    (group,), (group_then,) = (states[0]["param_groups"] for states in (compare.optimizers, stored["optimizer_states"]))
    assert group["lr"] == pytest.approx(group_then["lr"] / 4)
    assert trainer.global_step == 30


class Clock(Callback):
    """A clock on which every batch takes ten seconds, in place of the meter's."""

    now = 0.0

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(meter, "time", SimpleNamespace(perf_counter=lambda: Clock.now))

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        Clock.now += 10


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_the_time_of_steps_that_are_undone_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(steps: int, ckpt_path: str | None = None) -> float:
        best = ModelCheckpoint(tmp_path / "best", monitor="val/fid")
        scripted = Scripted([*COLLAPSING[:7], *[1.0] * 23])
        callbacks: list[Callback] = [Clock(monkeypatch), scripted, Watchdog(window=3, max_rollbacks=1), best]
        model = tiny_dcgan()
        trainer = tiny_trainer(tmp_path, max_steps=steps, callbacks=[*callbacks, LastCheckpoint()])
        trainer.fit(model, TinyData(), ckpt_path=ckpt_path)
        seconds: float = last_checkpoint(tmp_path)["train_seconds"]
        assert model.meter.seconds == seconds
        return seconds

    with pytest.warns(CollapseWarning, match="the best checkpoint, of step 5, is restored"):
        assert run(12) == 120
    assert last_checkpoint(tmp_path)["callbacks"]["Watchdog"]["rolled_back"] == 1
    Clock.now += 1000  # between the parts of the run
    assert run(16, str(tmp_path / "checkpoints" / "last.ckpt")) == 160


def test_a_run_that_failed_and_is_resumed_with_the_same_model_counts_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: DCGAN) -> None:
        raise RuntimeError("a fault")

    model = tiny_dcgan()
    callbacks: list[Callback] = [Clock(monkeypatch), LastCheckpoint(every_n_steps=3)]
    with pytest.raises(RuntimeError, match="a fault"):
        tiny_trainer(tmp_path, max_steps=8, callbacks=[*callbacks, At(4, fail)]).fit(model, TinyData())
    Clock.now += 1000
    trainer = tiny_trainer(tmp_path, max_steps=8, callbacks=callbacks)
    trainer.fit(model, TinyData(), ckpt_path=str(tmp_path / "checkpoints" / "last.ckpt"))
    last = last_checkpoint(tmp_path)
    assert (last["train_seconds"], last["images_seen"]) == (80, 8 * 8)


def test_a_run_without_a_checkpoint_only_warns(tmp_path: Path) -> None:
    callbacks: list[Callback] = [Scripted(COLLAPSING), Watchdog(window=3, max_rollbacks=1, stop=True)]
    trainer = tiny_trainer(tmp_path, max_steps=20, callbacks=callbacks)
    with pytest.warns(CollapseWarning, match="no better checkpoint to restore; the run ends"):
        trainer.fit(tiny_dcgan(), TinyData())
    assert trainer.global_step == 7


def test_the_best_checkpoint_is_never_that_of_weights_put_back(tmp_path: Path) -> None:
    scripted = Scripted([1.0] * 20, recalls=[0.5, 0.6, 0.1, 0.1], worse=-1.0)
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/fid")
    trainer = tiny_trainer(tmp_path, max_steps=20, callbacks=[scripted, Watchdog(max_rollbacks=1), best])
    with pytest.warns(CollapseWarning, match="no better checkpoint"):
        trainer.fit(tiny_dcgan(), TinyData())


def test_a_resumed_run_warns_as_the_uninterrupted_one(tmp_path: Path) -> None:
    def run(folder: Path, steps: int, **kwargs: Any) -> None:
        callbacks: list[Callback] = [Scripted(COLLAPSING), Watchdog(window=3), LastCheckpoint(every_n_steps=6)]
        tiny_trainer(folder, max_steps=steps, callbacks=callbacks).fit(tiny_dcgan(), TinyData(), **kwargs)

    with pytest.warns(CollapseWarning):
        run(tmp_path / "whole", 12)
    run(tmp_path / "halves", 6)
    with pytest.warns(CollapseWarning):
        run(tmp_path / "halves", 12, ckpt_path=str(tmp_path / "halves" / "checkpoints" / "last.ckpt"))
    assert lines(tmp_path / "whole") == lines(tmp_path / "halves")
    states = [last_checkpoint(tmp_path / half)["callbacks"]["Watchdog"] for half in ("whole", "halves")]
    assert states[0] == states[1]


# The shipped recipe.


@pytest.mark.slow
def test_the_collapsing_recipe_is_flagged_before_its_fid_has_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as given:  # other symptoms follow a collapse
        warnings.simplefilter("always")
        cli.build(["fit", "--config", "gan/collapsing", "--trainer.enable_progress_bar", "false"])
    assert any(issubclass(warning.category, CollapseWarning) for warning in given)
    folder = Path("runs/gan-collapsing/version_0")
    flagged = next(line["step"] for line in lines(folder) if line["symptom"] == "collapse")
    best, doubled = float("inf"), None
    for row in map(json.loads, (folder / "scores.jsonl").read_text().splitlines()):
        fid = row["scores"]["val/fid"]
        if fid > 2 * best:
            doubled = row["step"]
            break
        best = min(best, fid)
    assert doubled is not None
    assert flagged < doubled
