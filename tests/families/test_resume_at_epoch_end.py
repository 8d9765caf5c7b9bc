"""A run that stops or is killed as an epoch ends, whoever saved it, is resumed as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families.compat import finished_epochs
from tests.families.test_resume import Kill, KilledError, everything, make_model
from tests.support.forked import PROCESSES, on_two_processes
from tests.support.tiny import TinyData, tiny_trainer

data_of_three_steps = partial(TinyData, length=30)
"""Of which an epoch has three steps."""

slow = pytest.mark.slow

pytestmark = pytest.mark.filterwarnings(
    "ignore:Using ModelCheckpoint with manual optimization", "ignore:Checkpoint directory .* exists and is not empty"
)


class Saving(Callback):
    """Saves where Lightning has called everything else of a hook."""

    def __init__(self, hook: str) -> None:
        self.hook = hook
        setattr(self, hook, self._save)

    def _save(self, trainer: Any, *_: Any) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt")


def lightnings(folder: Path, **kwargs: Any) -> ModelCheckpoint:
    return ModelCheckpoint(folder / "checkpoints", save_last=True, enable_version_counter=False, **kwargs)


WRITERS: dict[str, Callable[[Path], Callback]] = {
    "ours": lambda folder: LastCheckpoint(every_n_steps=1),
    "every step": partial(lightnings, every_n_train_steps=1),
    "every epoch": partial(lightnings, save_on_train_epoch_end=True),
    "the end": lambda folder: Saving("on_train_end"),
    "every batch and epoch": partial(lightnings, every_n_train_steps=1, save_on_train_epoch_end=True),
}


def constant(**kwargs: Any) -> Any:
    """A model whose rates do not depend on the length of the run."""
    return make_model(**{"dropout": False, "scheduler_g": None, "optimizer_d": partial(GANAdam, lr=1e-3), **kwargs})


def assert_resumes(
    folder: Path,
    stop: dict[str, Any],
    resume: dict[str, Any],
    writer: str = "ours",
    data: Callable[[], Any] = data_of_three_steps,
    **kwargs: Any,
) -> None:
    """The run with settings ``stop``, resumed with ``resume``, ends as one that had ``resume`` from the beginning."""

    def run(name: str, options: dict[str, Any], *callbacks: Callback, resumed: bool = False) -> dict[str, Any]:
        trainer = tiny_trainer(
            folder / name,
            **{"limit_val_batches": 0, **options},
            callbacks=[*callbacks, EMA(0.9), WRITERS[writer](folder / name)],
            enable_checkpointing=True,
        )
        last = folder / name / "checkpoints" / "last.ckpt"
        trainer.fit(constant(**kwargs), data(), ckpt_path=last if resumed else None)
        # What the run's next checkpoint would hold, from which it may be resumed again.
        loops = {key: value for key, value in trainer.fit_loop.state_dict().items() if "val_loop" not in key}
        return {**everything(trainer), **loops}

    whole = run("whole", resume)
    killed = stop.get("kill")
    if killed is None:
        run("cut", stop)
    else:
        with pytest.raises(KilledError):
            run("cut", resume, Kill(killed))
    cut = torch.load(folder / "cut" / "checkpoints" / "last.ckpt", weights_only=True)
    assert finished_epochs(cut["loops"]) == cut["global_step"] // resume.get("limit_train_batches", 3)
    torch.manual_seed(99)  # a new process
    resumed = run("cut", resume, resumed=True)
    assert resumed.keys() == whole.keys()
    different = [
        key
        for key, value in whole.items()
        if not (torch.equal(value, resumed[key]) if isinstance(value, Tensor) else value == resumed[key])
    ]
    assert not different


@pytest.mark.parametrize(
    ("stop", "resume"),
    [
        ({"max_steps": 3}, {"max_steps": 5}),
        ({"kill": 3}, {"max_steps": 5}),
        pytest.param({"max_steps": 6}, {"max_steps": 10}, marks=slow),
        pytest.param({"max_epochs": 1}, {"max_steps": 5}, marks=slow),
        pytest.param({"max_steps": 3}, {"max_epochs": 2}, marks=slow),
        pytest.param({"max_epochs": 1}, {"max_epochs": 2}, marks=slow),
        pytest.param({"max_epochs": 1, "max_steps": 5}, {"max_epochs": 2, "max_steps": 5}, marks=slow),
        pytest.param({"kill": 2}, {"max_steps": 5, "limit_train_batches": 2}, marks=slow),
    ],
    ids=str,
)
def test_a_run_without_validation(stop: dict[str, Any], resume: dict[str, Any], tmp_path: Path) -> None:
    assert_resumes(tmp_path, stop, resume)


@pytest.mark.parametrize(
    "options",
    [
        {"check_val_every_n_epoch": 2},
        pytest.param({}, marks=slow),
        pytest.param({"val_check_interval": 2}, marks=slow),
        pytest.param({"check_val_every_n_epoch": None, "val_check_interval": 2}, marks=slow),
    ],
    ids=str,
)
@pytest.mark.parametrize("stop", [3, pytest.param(2, marks=slow)])
def test_a_run_with_validation(options: dict[str, Any], stop: int, tmp_path: Path) -> None:
    options = {"limit_val_batches": 1, **options}
    assert_resumes(tmp_path, {"max_steps": stop, **options}, {"max_steps": 5, **options})


@pytest.mark.parametrize(
    ("writer", "step"),
    [
        ("every step", 3),
        ("every epoch", 2),
        *(
            pytest.param(writer, step, marks=slow)
            for writer, step in [
                ("every step", 2),
                ("every epoch", 3),
                ("the end", 2),
                ("the end", 3),
                ("every batch and epoch", 2),
                ("every batch and epoch", 3),
            ]
        ),
    ],
)
def test_a_checkpoint_of_another_callback(writer: str, step: int, tmp_path: Path) -> None:
    assert_resumes(tmp_path, {"max_steps": step}, {"max_steps": 5}, writer)


@slow
@pytest.mark.parametrize("writer", ["every step", "every epoch"])
def test_a_checkpoint_of_another_callback_in_a_run_of_epochs(writer: str, tmp_path: Path) -> None:
    assert_resumes(tmp_path, {"kill": 3}, {"max_epochs": 2}, writer)


@slow
def test_gradients_that_are_accumulated_beyond_the_end_of_an_epoch(tmp_path: Path) -> None:
    assert_resumes(tmp_path, {"max_steps": 3}, {"max_steps": 9}, accumulate_d=2, accumulate_g=2, n_critic=2)


@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`")
def test_a_plain_loader_whose_last_batch_is_smaller(tmp_path: Path) -> None:
    images = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    loader = partial(DataLoader, TensorDataset(images), batch_size=8)
    assert_resumes(tmp_path, {"max_steps": 3}, {"max_steps": 5}, data=loader)


@slow
def test_two_processes(tmp_path: Path) -> None:
    def run(name: str, steps: int, resumed: bool = False) -> dict[str, Tensor]:
        trainer = tiny_trainer(
            tmp_path / name,
            max_steps=steps,
            limit_val_batches=0,
            callbacks=[EMA(0.9), LastCheckpoint(every_n_steps=1)],
            devices=PROCESSES,
            strategy=AlternatingDDP(),
        )
        last = tmp_path / name / "checkpoints" / "last.ckpt"
        data = TinyData(length=30, batch_size=4)
        trainer.fit(constant(accumulate_d=2), data, ckpt_path=last if resumed else None)
        return everything(trainer)

    def runs() -> list[dict[str, Tensor]]:
        whole = run("whole", 5)
        run("cut", 3)
        return [whole, run("cut", 5, resumed=True)]

    for whole, resumed in on_two_processes(runs, tmp_path / "results"):
        assert not [key for key, value in whole.items() if not torch.equal(value, resumed[key])]
