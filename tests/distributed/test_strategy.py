"""The strategy as Lightning calls it, in one process."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import torch.distributed as dist
from torch import nn

from lightning_gans.callbacks import EMA, LastCheckpoint, PredictionWriter
from lightning_gans.core.errors import InputError
from lightning_gans.distributed.strategy import AlternatingDDP, ParentWatch, reject_strategy
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.runs.folder import RunFolder
from lightning_gans.variants import DCGAN
from tests.support.forked import on_two_processes
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights


class LayerTypes(L.Callback):
    """Notes the types of the batch normalization layers in each training step."""

    def __init__(self) -> None:
        self.types: set[type[nn.Module]] = set()

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.types |= {type(module) for module in pl_module.modules() if isinstance(module, nn.BatchNorm2d)}


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gloo with a port of its own, closed at the end."""
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


def fitted(folder: Path, callback: L.Callback, **kwargs: Any) -> DCGAN:
    model = tiny_dcgan()
    strategy = AlternatingDDP(process_group_backend="gloo")
    tiny_trainer(folder, strategy=strategy, max_steps=1, limit_val_batches=0, callbacks=[callback], **kwargs).fit(
        model, TinyData()
    )
    return model


@pytest.mark.usefixtures("one_process")
def test_lightning_lets_batch_norm_be_synchronized_in_fit_only(tmp_path: Path) -> None:
    """A Lightning that no longer calls configure_ddp or teardown would train with each process's own statistics."""
    layers = LayerTypes()
    model = fitted(tmp_path, layers)
    assert layers.types
    assert nn.BatchNorm2d not in layers.types
    assert {type(m) for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {nn.BatchNorm2d}


def test_without_sync_batchnorm_only_gradients_are_sent_and_all_ranks_evaluate_alike(tmp_path: Path) -> None:
    """Both kinds of layers: PyTorch's, whose running statistics then differ between processes, and ours."""

    def function() -> dict[str, Any]:
        sent: list[bool] = []
        original = dist.all_reduce

        def all_reduce(*args: Any, **kwargs: Any) -> Any:
            sent.append(kwargs.get("async_op", False))
            return original(*args, **kwargs)

        model = tiny_dcgan()
        model.discriminator.add_module("extra", BatchNorm(1))
        states: list[dict[str, Any]] = []

        class Buffers(L.Callback):
            def on_train_batch_end(self, *_: Any) -> None:
                states.append({name: value.clone() for name, value in model.named_buffers()})

            def on_validation_end(self, *_: Any) -> None:
                assert not any(getattr(module, "synchronized", False) for module in model.modules())
                states.insert(0, {name: value.clone() for name, value in model.named_buffers()})

        strategy = AlternatingDDP(process_group_backend="gloo", sync_batchnorm=False)
        trainer = tiny_trainer(
            tmp_path, devices=2, strategy=strategy, max_epochs=2, limit_train_batches=2, callbacks=[Buffers()]
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "all_reduce", all_reduce)
            trainer.fit(model, TinyData())
        return {"sent": sent, "evaluated": states[0], "trained": states[-1]}

    first, second = on_two_processes(function, tmp_path / "results")
    assert first["sent"] == second["sent"]
    assert first["sent"].count(True) == 2 * 2 * 2  # epochs, steps, networks
    assert first["sent"].count(False) < 4  # of Lightning; three layers in four passes would send more in one step
    assert all(torch.equal(first["evaluated"][name], value) for name, value in second["evaluated"].items())
    assert not all(torch.equal(first["trained"][name], value) for name, value in second["trained"].items())


@pytest.mark.usefixtures("one_process")
def test_torch_sync_batch_norm_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sync_batchnorm of Lightning's Trainer is true; expected false"):
        fitted(tmp_path, LayerTypes(), sync_batchnorm=True)


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("fails", [False, True])
def test_processes_wait_for_each_other_at_the_end_unless_one_fails(
    tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that returned first would be the end of those that it started."""
    barriers: list[str] = []
    monkeypatch.setattr(AlternatingDDP, "barrier", lambda _self, name=None: barriers.append(name))

    class Failing(L.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            if fails:
                raise ZeroDivisionError

    with suppress(ZeroDivisionError):
        fitted(tmp_path, Failing())
    assert (barriers[-1] == "teardown") is not fails


@pytest.mark.parametrize("stopped", [False, True])
def test_a_process_ends_after_its_parent_until_the_watch_is_stopped(
    stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    watch = ParentWatch(interval=0.02)

    def exit_process(_status: int) -> None:
        watch.stop()
        ended.set()

    monkeypatch.setattr(os, "_exit", exit_process)
    assert not ended.wait(0.1)
    if stopped:
        watch.stop()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert ended.wait(0.2) is not stopped


@pytest.mark.parametrize("start_method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_a_process_that_only_starts_others_gets_the_trained_model(tmp_path: Path, start_method: Any) -> None:
    """As in a notebook, where the process that calls ``fit`` trains nothing itself."""
    model = tiny_dcgan()
    before = weights(model)
    callbacks = [EMA(0.5), LastCheckpoint(), PredictionWriter(tmp_path / "predictions")]
    strategy = AlternatingDDP(start_method=start_method)
    trainer = tiny_trainer(tmp_path, devices=2, strategy=strategy, max_steps=2, callbacks=callbacks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        trainer.fit(model, TinyData())
        trainer.predict(model, TinyData(), return_predictions=False)
    saved = torch.load(RunFolder.of(trainer).last_checkpoint, weights_only=True)["state_dict"]
    after = weights(model)
    assert saved.keys() == after.keys() > before.keys()  # averaged generators too
    assert all(torch.equal(saved[key], value) for key, value in after.items())
    assert not torch.equal(after["generator.layers.0.weight"], before["generator.layers.0.weight"])
    assert len(list((tmp_path / "predictions").iterdir())) == 46


def test_the_strategy_of_a_plain_trainer_is_refused_with_what_to_write(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, devices=2)
    model = tiny_dcgan()
    model.trainer = trainer
    with pytest.raises(InputError, match=r"in Python Trainer\(strategy=AlternatingDDP\(\)\).*start_method='fork'"):
        model.setup("fit")


def test_the_reason_for_a_rejected_strategy() -> None:
    with pytest.raises(InputError, match="expects every parameter in every backward pass"):
        reject_strategy("ddp")
    with pytest.raises(InputError, match=r"so sharding is unnecessary; expected 'auto' on the command line"):
        reject_strategy("fsdp")
