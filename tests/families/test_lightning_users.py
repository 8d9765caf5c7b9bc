"""What users of Lightning do without this package's data modules and models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.profilers import SimpleProfiler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.callbacks import EMA, Evaluation, LastCheckpoint, SampleGrid, Watchdog
from lightning_gans.components.optimizers import CosineDecay
from lightning_gans.core.errors import InputError
from lightning_gans.families.meter import TrainingMeter
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


class Foreign(L.LightningModule):
    """A module that is no GAN of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss: Tensor = self.layer(batch[0]).sum()
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_loaders_of_images_without_labels_train(tmp_path: Path) -> None:
    images = torch.rand(8, 1, 28, 28) * 2 - 1
    plain: Any = list(images)
    loader: DataLoader[Any]
    for loader in (DataLoader(TensorDataset(images), batch_size=4), DataLoader(plain, batch_size=4)):
        trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation(neighbors=0)])
        trainer.fit(tiny_dcgan(), loader, loader)
        assert trainer.global_step == 2


@pytest.mark.parametrize("callback", [Evaluation, SampleGrid, Watchdog])
def test_a_callback_beside_another_module_is_refused_in_a_sentence(callback: type[L.Callback], tmp_path: Path) -> None:
    loader = DataLoader(TensorDataset(torch.zeros(2, 1)))
    with pytest.raises(InputError, match=f"{callback.__name__} is a callback for models of lightning_gans"):
        tiny_trainer(tmp_path, max_epochs=1, callbacks=[callback()]).fit(Foreign(), loader, loader)


def test_the_average_and_the_last_checkpoint_work_beside_another_module(tmp_path: Path) -> None:
    loader = DataLoader(TensorDataset(torch.zeros(2, 1)))
    tiny_trainer(tmp_path, max_epochs=1, callbacks=[EMA(), LastCheckpoint()]).fit(Foreign(), loader, loader)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_a_run_in_another_thread_saves_its_checkpoint(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[LastCheckpoint()])
    thread = threading.Thread(target=trainer.fit, args=(tiny_dcgan(), TinyData()))
    thread.start()
    thread.join(60)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_a_rollback_does_not_count_the_time_of_its_checkpoint_twice() -> None:
    meter = TrainingMeter()
    meter.resume({"train_seconds": 100, "images_seen": 100})  # a run that is resumed
    meter.start()
    meter.resume({"train_seconds": 5000, "images_seen": 5000})  # a checkpoint that the watchdog restores
    meter.count(8)
    assert 100 <= meter.seconds < 200
    assert meter.images == 108
    meter.stop()
    meter.resume({"train_seconds": 7, "images_seen": 7})  # another checkpoint, after the run
    assert (meter.seconds, meter.images) == (7, 7)


def test_the_images_of_a_run_that_began_with_an_earlier_version_are_not_known() -> None:
    meter = TrainingMeter()
    meter.resume({"train_seconds": 100})
    meter.count(8)
    assert meter.images is None
    assert meter.state() == {"train_seconds": 100}


def compiled_model() -> Any:
    return torch.compile(tiny_dcgan())


def model_compiled_in_place() -> DCGAN:
    model = tiny_dcgan()
    model.compile()
    return model


def model_of_compiled_networks() -> DCGAN:
    model = tiny_dcgan()
    model.generator = torch.compile(model.generator)  # type: ignore[assignment]
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            compiled_model,
            r"compiled by torch\.compile\(model\), which.*the model itself.*--compile\.networks true",
        ),
        (model_compiled_in_place, r"compiled by model\.compile\(\), which.*callbacks\.Compilation\(networks=True\)"),
        (model_of_compiled_networks, r"generator is wrapped by torch\.compile, which renames weights"),
    ],
)
def test_a_model_that_is_compiled_as_a_whole_is_refused_by_name(
    make: Callable[[], Any], message: str, tmp_path: Path
) -> None:
    model = make()
    with pytest.raises(InputError, match=message):
        tiny_trainer(tmp_path, max_steps=1).fit(model, TinyData())


def test_a_model_that_was_refused_is_not_compiled_any_more(tmp_path: Path) -> None:
    model = tiny_dcgan()
    compiled: Any = torch.compile(model)
    model.compile()
    with pytest.raises(InputError, match=r"compiled by torch\.compile\(model\)"):
        tiny_trainer(tmp_path, max_steps=1).fit(compiled, TinyData())
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())


def two_groups(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    first, *others = parameters
    groups: list[dict[str, Any]] = [{"params": [first], "name": "first"}, {"params": others}]
    return torch.optim.SGD(groups, lr=0.1)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"scheduler_g": CosineDecay, "scheduler_d": CosineDecay}, {"lr/g", "lr/d"}),
        ({"scheduler_d": CosineDecay}, {"lr-GANAdam/g", "lr/d"}),
        ({}, {"lr-GANAdam/g", "lr-GANAdam-1/d"}),
        ({"optimizer_d": two_groups, "scheduler_d": CosineDecay}, {"lr-GANAdam/g", "lr/d/first", "lr/d/pg2"}),
    ],
)
def test_learning_rates_have_the_names_of_the_sides(settings: dict[str, Any], names: set[str], tmp_path: Path) -> None:
    monitor = LearningRateMonitor()
    logger = CSVLogger(tmp_path)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, logger=logger, callbacks=[monitor])
    trainer.fit(tiny_dcgan(**settings), TinyData())
    assert monitor.lrs.keys() == names
    assert names <= trainer.callback_metrics.keys()


@pytest.mark.parametrize("n_critic", [1, 2])
def test_the_profiler_measures_the_steps_of_each_optimizer_within_a_batch(n_critic: int, tmp_path: Path) -> None:
    profiler = SimpleProfiler()
    trainer = tiny_trainer(tmp_path, max_steps=4, limit_val_batches=0, profiler=profiler)
    trainer.fit(tiny_dcgan(n_critic=n_critic), TinyData())
    durations = profiler.recorded_durations
    steps = {name: durations[name] for name in durations if name.startswith("optimizer_step")}
    assert {name: len(times) for name, times in steps.items()} == {
        "optimizer_step/g": 4 // n_critic,
        "optimizer_step/d": 4,
    }
    (batches,) = (times for name, times in durations.items() if name.endswith("Strategy.training_step"))
    assert len(batches) == 4
    assert sum(map(sum, steps.values())) < 0.8 * sum(batches)
