"""Lightning still uses the private API of ``families/compat.py``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_gans.families.compat import INSTANTIATOR, take_step_counters
from tests.support.tiny import tiny_trainer

BATCHES = 5


class TwoOptimizers(L.LightningModule):
    """Steps both of its optimizers in every batch, with or without counting that as one step."""

    def __init__(self, one_step: bool) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.one_step = one_step
        self.layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(2))
        self.steps: list[int] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        before, after = take_step_counters(optimizers) if self.one_step else (None, None)
        if before is not None:
            before()
        for layer, optimizer in zip(self.layers, optimizers, strict=True):
            optimizer.zero_grad()
            self.manual_backward(layer(batch).sum())
            optimizer.step()
        if after is not None:
            after()
        self.steps.append(self.global_step)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in self.layers]


def fit(folder: Path, model: TwoOptimizers) -> L.Trainer:
    trainer = tiny_trainer(folder, max_epochs=1)
    trainer.fit(model, DataLoader(torch.zeros(BATCHES, 1)))  # type: ignore[arg-type]  # a tensor has length and items
    return trainer


@pytest.mark.parametrize("one_step", [True, False])
def test_a_batch_is_one_step_only_without_lightnings_counters(one_step: bool, tmp_path: Path) -> None:
    model = TwoOptimizers(one_step)
    trainer = fit(tmp_path, model)
    in_a_batch = 1 if one_step else 2
    assert model.steps == [in_a_batch * (batch + 1) for batch in range(BATCHES)]
    assert trainer.global_step == in_a_batch * BATCHES


def test_the_counters_are_what_lightnings_optimizers_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[str] = []
    original = take_step_counters

    def noting(optimizers: Iterable[LightningOptimizer]) -> object:
        given = list(optimizers)
        for optimizer in given:
            assert {"_on_before_step", "_on_after_step"} <= vars(optimizer).keys()
        counters = original(given)
        for optimizer in given:
            monkeypatch.setattr(optimizer, "_on_before_step", lambda: calls.append("before"))
            monkeypatch.setattr(optimizer, "_on_after_step", lambda: calls.append("after"))
        return counters

    monkeypatch.setattr(f"{__name__}.take_step_counters", noting)
    fit(tmp_path, TwoOptimizers(True))
    assert calls == ["before", "after"] * 2 * BATCHES


class WithHyperparameters(L.LightningModule):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.save_hyperparameters()


def test_the_command_line_marks_the_hyperparameters_of_its_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["fit"])
    assert WithHyperparameters().hparams.keys() == {"width"}
    cli = LightningCLI(
        WithHyperparameters,
        run=False,
        save_config_callback=None,
        trainer_defaults={"logger": False, "enable_checkpointing": False, "default_root_dir": str(tmp_path)},
    )
    assert cli.model.hparams.keys() == {"width", INSTANTIATOR}
