"""Losses and weights that are not finite end a run, and are never saved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_gans.callbacks import Evaluation, LastCheckpoint, Watchdog
from lightning_gans.callbacks.watchdog import AsyncFiniteCheck, Diverged
from lightning_gans.cli import train as cli
from lightning_gans.variants import DCGAN
from tests.support.tiny import At, TinyData, last_checkpoint, tiny_dcgan, tiny_trainer


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
    assert last_checkpoint(tmp_path)["global_step"] == 3
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
    assert last_checkpoint(tmp_path)["global_step"] == 3
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
