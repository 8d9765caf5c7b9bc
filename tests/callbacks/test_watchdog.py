from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from lightning_gans.callbacks import EMA, Evaluation, LastCheckpoint, Watchdog, symptoms
from lightning_gans.callbacks.symptoms import (
    CollapseWarning,
    DeadDiscriminatorWarning,
    Diagnosis,
    Finding,
    SaturatedDiscriminatorWarning,
    TrainingWarning,
)
from lightning_gans.callbacks.watchdog import AsyncFiniteCheck, Diverged
from lightning_gans.cli import train as cli
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.variants import DCGAN
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights

LATE = 1000
"""A step at which scores are looked at."""


@pytest.fixture(autouse=True)
def _looked_at_from_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs here have a dozen steps."""
    monkeypatch.setattr(symptoms, "FIRST_STEP", 0)


# Symptoms, from curves alone.


def healthy(step: int) -> dict[str, float]:
    """A run that converges: the spread rises to 1, margin and G's gradient fall."""
    wave = 1 + 0.3 * (-1) ** step
    far = 2.0 * 0.98**step
    return {
        "variance_ratio": wave * min(1.0, 0.05 + step / 30),
        "logit/real": far,
        "logit/fake": -far,
        "grad_norm/g": wave * (0.1 + 2 * 0.95**step),
        "grad_norm/d": wave * (0.5 + 0.95**step),
        "loss/d": 1.3,
    }


def curve(*parts: tuple[int, dict[str, float]]) -> list[dict[str, float]]:
    """A healthy curve of 40 looks, then each part's values in place of the last healthy ones."""
    values = [healthy(step) for step in range(40)]
    return values + [{**values[-1], **part} for count, part in parts for _ in range(count)]


def found(values: Sequence[dict[str, float]], interval: int = 50, **kwargs: Any) -> list[tuple[int, Finding]]:
    """Findings of a series, each with the number of its look."""
    diagnosis = Diagnosis(**{"window": 5, "collapse_ratio": 0.3, "vanishing_ratio": 0.01, **kwargs})
    return [
        (look, finding)
        for look, value in enumerate(values, start=1)
        for finding in diagnosis.update(look * interval, value)
    ]


def kinds(findings: list[tuple[int, Finding]]) -> list[tuple[int, type[TrainingWarning]]]:
    return [(look, finding.warning) for look, finding in findings]


def test_a_healthy_run_shows_no_symptom() -> None:
    assert found([healthy(step) for step in range(400)]) == []


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_unbounded_logits_and_any_scale_of_gradients_are_healthy(scale: float) -> None:
    critic = [{k: v if k == "variance_ratio" else scale * v for k, v in healthy(step).items()} for step in range(200)]
    assert found(critic) == []


def test_a_collapse_is_found_once_most_of_a_window_shows_it() -> None:
    ((look, finding),) = found(curve((20, {"variance_ratio": 0.1})))
    assert (look, finding.warning) == (43, CollapseWarning)
    assert finding.evidence == {
        "variance_ratio": 0.1,
        "best variance_ratio": 1.0,
    }  # a spread of more than 1 is no better than 1
    assert "variance_ratio 0.1" in str(finding)


def test_one_look_of_small_spread_is_no_collapse() -> None:
    assert found(curve((2, {"variance_ratio": 0.01}), (9, {}))) == []


def test_a_symptom_is_found_again_only_after_it_is_gone() -> None:
    wavering = curve((9, {"variance_ratio": 0.25}), (9, {"variance_ratio": 0.35}), (9, {"variance_ratio": 0.25}))
    assert kinds(found(wavering)) == [(43, CollapseWarning)]
    again = curve((9, {"variance_ratio": 0.25}), (9, {"variance_ratio": 0.9}), (9, {"variance_ratio": 0.25}))
    assert kinds(found(again)) == [(43, CollapseWarning), (61, CollapseWarning)]


def test_a_spread_that_never_rises_is_a_collapse_after_the_warm_up() -> None:
    flat = [{**healthy(step), "variance_ratio": 0.02} for step in range(60)]
    assert kinds(found(flat, interval=50)) == [(20, CollapseWarning)]
    assert found(flat, interval=10) == []


def test_a_dead_discriminator_has_neither_margin_nor_gradient() -> None:
    dead = {"logit/real": 0.7, "logit/fake": 0.7, "grad_norm/d": 0.0, "grad_norm/g": 0.0}
    ((look, finding),) = found(curve((9, dead)))
    assert (look, finding.warning) == (43, DeadDiscriminatorWarning)
    assert {"grad_norm/d", "largest grad_norm/d", "margin", "largest margin"} == set(finding.evidence)
    assert found(curve((9, {**dead, "grad_norm/d": 0.5}))) == []  # the optimum of a game


def test_a_discriminator_that_never_lived_is_dead() -> None:
    flat = {"logit/real": 0.0, "logit/fake": 0.0, "grad_norm/d": 0.0, "grad_norm/g": 0.0, "loss/d": 1.39}
    assert kinds(found([flat] * 9)) == [(5, DeadDiscriminatorWarning)]


@pytest.mark.parametrize("side", ["g", "d"])
def test_a_saturated_discriminator_is_sure_and_a_gradient_has_vanished(side: str) -> None:
    sure = {"logit/real": 8.0, "logit/fake": -8.0}
    ((look, finding),) = found(curve((9, {**sure, f"grad_norm/{side}": 1e-3})))
    assert (look, finding.warning) == (43, SaturatedDiscriminatorWarning)
    assert finding.evidence["margin"] == 16
    assert found(curve((9, sure))) == []


def test_a_generator_at_rest_is_no_symptom_while_the_margin_is_small() -> None:
    assert found(curve((9, {"grad_norm/g": 1e-4}))) == []


@pytest.mark.parametrize(("loss", "kind"), [(1e-3, SaturatedDiscriminatorWarning), (1.4, DeadDiscriminatorWarning)])
def test_without_logits_the_loss_says_which(loss: float, kind: type[TrainingWarning]) -> None:
    values = curve((9, {"grad_norm/d": 1e-5, "loss/d": loss}))
    unseen = ("variance_ratio", "logit/real", "logit/fake")
    assert kinds(found([{k: v for k, v in value.items() if k not in unseen} for value in values])) == [(43, kind)]


def test_what_is_missing_or_not_a_number_is_left_out() -> None:
    assert found([{}, {"variance_ratio": float("nan"), "loss/d": float("nan")}] * 40) == []
    some = [{"variance_ratio": value["variance_ratio"]} for value in curve((9, {"variance_ratio": 0.1}))]
    assert kinds(found(some)) == [(43, CollapseWarning)]


@pytest.mark.parametrize("name", ["recall", "coverage", "variance_ratio"])
def test_a_score_that_falls_below_a_share_of_its_best_is_a_collapse(name: str) -> None:
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    key = f"val/b/{name}"
    for value in (0.02, 0.6, 0.4, float("nan"), 0.25):
        assert diagnosis.update_scores(LATE, {key: value, "val/fid": 9.0, f"test/{name}": 0.0}) == []
    (finding,) = diagnosis.update_scores(LATE, {key: 0.1})
    assert finding == Finding(CollapseWarning, {key: 0.1, f"best {key}": 0.6})
    assert diagnosis.update_scores(LATE, {key: 0.0}) == []


def test_a_score_that_was_never_high_cannot_fall() -> None:
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    assert [diagnosis.update_scores(LATE, {"val/recall": value}) for value in (0.09, 0.0)] == [[], []]


def test_noise_that_gives_way_to_something_is_no_collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symptoms, "FIRST_STEP", 250)
    # An untrained generator's images may spread far before they become anything.
    first = [{"variance_ratio": 3.0}] * 4 + [{"variance_ratio": 0.02}] * 6
    assert found(first) == []
    assert kinds(found([*first, *curve((9, {"variance_ratio": 0.1}))])) == [(53, CollapseWarning)]
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    assert [diagnosis.update_scores(step, {"val/recall": value}) for step, value in ((100, 0.9), (300, 0.1))] == [
        [],
        [],
    ]


@pytest.mark.parametrize("cut", [3, 39, 42, 50])
def test_a_diagnosis_that_is_stored_goes_on_as_if_it_had_not_been(cut: int, tmp_path: Path) -> None:
    dead = {"logit/real": 0.7, "logit/fake": 0.7, "grad_norm/d": 0.0}
    values = curve((9, {"variance_ratio": 0.1}), (9, {}), (9, {"variance_ratio": 0.1, **dead}))
    whole, first, second = (Watchdog() for _ in range(3))
    expected = [whole._diagnosis.update(50 * look, value) for look, value in enumerate(values)]
    begun = [first._diagnosis.update(50 * look, value) for look, value in enumerate(values[:cut])]
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    rest = [second._diagnosis.update(50 * look, value) for look, value in enumerate(values[cut:], start=cut)]
    assert begun + rest == expected
    assert sum(map(len, expected)) == 3


@pytest.mark.parametrize(
    "kwargs",
    [
        {"window": -1},
        {"collapse_ratio": 0.0},
        {"collapse_ratio": 1.0},
        {"vanishing_ratio": 0.0},
        {"vanishing_ratio": 1.5},
        {"max_rollbacks": -1},
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(kwargs))} is {next(iter(kwargs.values()))}"):
        Watchdog(**kwargs)


# Divergence.


class At(Callback):
    """Does something to the model at the end of one step, before the callbacks after it look."""

    def __init__(self, step: int, act: Callable[[DCGAN], None]) -> None:
        self.step = step
        self.act = act

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.act(pl_module)


def last(folder: Path) -> dict[str, Any]:
    stored: dict[str, Any] = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in stored["state_dict"].values())
    return stored


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("side", ["g", "d"])
@pytest.mark.parametrize("interval", [1, 100])
def test_a_loss_that_is_not_finite_stops_the_run_in_its_step(
    tmp_path: Path, side: str, value: str, interval: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_dcgan()
    name = {"g": "generator_loss", "d": "discriminator_loss"}[side]
    loss = getattr(model, name)

    def spoilt(*args: Any) -> Tensor:
        right: Tensor = loss(*args)
        return right + float(value) if model.global_step == 3 else right

    monkeypatch.setattr(model, name, spoilt)
    callbacks: list[Callback] = [Watchdog(), LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=callbacks, log_every_n_steps=interval)
    path = tmp_path / "checkpoints" / "last.ckpt"
    with pytest.raises(Diverged, match=rf"at step 4: loss/{side} is {value}.*; the last good checkpoint is {path}"):
        trainer.fit(model, TinyData())
    assert last(tmp_path)["global_step"] == 3
    healed = tiny_trainer(tmp_path, max_steps=7, limit_val_batches=0, callbacks=[Watchdog()])
    healed.fit(tiny_dcgan(), TinyData(), ckpt_path=str(path))
    assert healed.global_step == 7


def spoil_weight(model: DCGAN) -> None:
    model.discriminator.get_parameter("layers.0.weight").data[0, 0, 0, 0] = float("-inf")


def spoil_buffer(model: DCGAN) -> None:
    for name, buffer in model.generator.named_buffers():
        if name.endswith("running_var"):
            buffer[0] = float("nan")
            return


SPOILT = [(spoil_weight, r"discriminator\.layers\.0\.weight holds -inf"), (spoil_buffer, r"generator\..*var holds nan")]


@pytest.mark.parametrize(("spoil", "named"), SPOILT)
def test_a_weight_that_is_not_finite_is_never_saved(tmp_path: Path, spoil: Callable[[DCGAN], None], named: str) -> None:
    callbacks: list[Callback] = [At(4, spoil), Watchdog(), LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=callbacks, log_every_n_steps=100)
    with pytest.raises(Diverged, match=rf"at step 4: {named}; the last good checkpoint is .*last\.ckpt"):
        trainer.fit(tiny_dcgan(), TinyData())
    assert last(tmp_path)["global_step"] == 3
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize(("spoil", "named"), SPOILT)
def test_a_weight_that_is_not_finite_is_found_at_the_loggers_interval(
    tmp_path: Path, spoil: Callable[[DCGAN], None], named: str
) -> None:
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=[At(4, spoil), Watchdog(window=0)])
    with pytest.raises(Diverged, match=rf"at step 4: {named}; there is no checkpoint yet"):
        trainer.fit(tiny_dcgan(), TinyData())


def test_a_weight_that_is_not_finite_is_found_before_it_is_scored(tmp_path: Path) -> None:
    callbacks: list[Callback] = [At(5, spoil_weight), Evaluation(), Watchdog()]
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=callbacks, log_every_n_steps=100)
    with pytest.raises(Diverged, match="at step 5: "):
        trainer.fit(tiny_dcgan(), TinyData())
    assert "val/fid" not in trainer.callback_metrics


def test_a_buffer_that_is_not_finite_by_design_is_left_alone(tmp_path: Path) -> None:
    model = tiny_dcgan()
    model.discriminator.register_buffer("mask", torch.tensor([0.0, float("-inf")]))
    callbacks: list[Callback] = [Watchdog(), LastCheckpoint(every_n_steps=1)]
    tiny_trainer(tmp_path, max_epochs=1, callbacks=callbacks).fit(model, TinyData())
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_an_asynchronous_check_knows_its_step() -> None:
    check = AsyncFiniteCheck(7, {"g": torch.tensor(1.0), "d": torch.tensor(float("nan"))})
    assert not check.is_finite()
    assert check.step == 7
    assert AsyncFiniteCheck(7, {"g": torch.tensor(1.0)}).is_finite()


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ["--model.optimizer_d.lr", "1e38", "--trainer.accelerator", "cpu", "--samples.count", "0"]
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit", "--config", "gan/collapsing", *settings, *quiet])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as left:
        cli.run()
    assert left.value.code == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("lightning-gans: training has diverged at step")
    assert said.endswith("there is no checkpoint yet")


# What is done about a symptom.


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
    assert last(tmp_path)["global_step"] == 7


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
    states = [last(tmp_path / half)["callbacks"]["Watchdog"] for half in ("whole", "halves")]
    assert states[0] == states[1]


# Two processes.


class SpoilOne(Callback):
    """Spoils a loss on one rank, after the gradients of all ranks were averaged: the others' numbers stay finite."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 4 and trainer.global_rank == 1:
            pl_module.losses["g"] = torch.tensor(float("nan"))


def two_processes(folder: Path) -> None:
    """One rank of a run whose ranks see different spreads and end in a loss that is not finite on one of them."""
    symptoms.FIRST_STEP = 0
    torch.set_num_threads(1)
    ratio = 0.9 if int(os.environ.get("LOCAL_RANK", "0")) else 0.1
    callbacks: list[Callback] = [
        Scripted([ratio] * 9),
        SpoilOne(),
        Watchdog(window=2),
        LastCheckpoint(every_n_steps=1),
    ]
    trainer = tiny_trainer(
        folder, devices=2, max_steps=9, strategy=AlternatingDDP(), callbacks=callbacks, log_every_n_steps=3
    )
    try:
        trainer.fit(tiny_dcgan(), TinyData(batch_size=2))
    except Diverged as error:
        (folder / f"rank{trainer.global_rank}.txt").write_text(str(error))


@pytest.mark.slow
def test_all_processes_stop_together(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.callbacks.test_watchdog", str(tmp_path)]
    environment = {**os.environ, "PL_GLOBAL_SEED": "0", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / f"rank{rank}.txt").read_text() for rank in range(2))
    assert "at step 4: a loss or a weight of another process is not finite" in first
    assert "at step 4: loss/g is nan" in second
    stored = last(tmp_path)
    assert stored["global_step"] == 3
    assert stored["callbacks"]["Watchdog"]["diagnosis"]["windows"]["variance_ratio"] == [pytest.approx(0.5)]


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


if __name__ == "__main__":
    two_processes(Path(sys.argv[1]))
