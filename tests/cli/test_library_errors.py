"""What Lightning or torch refuses is one sentence with the key; errors in code keep their traceback."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_gans.cli.argument_errors import entries
from lightning_gans.cli.library_errors import mentioned_arguments, refused_arguments
from lightning_gans.cli.parser import Trainer
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.core.errors import InputError
from tests.support.command_line import SHORT

HERE = "tests.cli.test_library_errors"
FIT = ["fit", "--config", "dcgan/digits", *SHORT, "--evaluation.extractor", "null", "--best.monitor", "loss/g"]
CALLBACK = "--trainer.callbacks+"

pytestmark = pytest.mark.usefixtures("empty_folder")


class Built(LightningGANsCLI):
    """Builds the objects of a command without running it."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LightningGANsCLI:
    """One command line, whose trainer is built again with other settings."""
    with mock.patch.dict(os.environ), contextlib.chdir(tmp_path_factory.mktemp("built")):
        return build(FIT, Built)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("accelerator", "abc", "trainer.accelerator is abc: You selected an invalid accelerator name"),
        ("accelerator", "tpu", "trainer.accelerator is tpu: "),
        ("devices", "abc", "trainer.devices is abc: "),
        ("devices", 0, "trainer.devices is 0: "),
        ("devices", [0], "trainer.devices is [0]: "),
        ("devices", None, "trainer.devices is null: "),
        ("num_nodes", 0, "trainer.num_nodes is 0: "),
        ("precision", "transformer-engine", "trainer.precision is transformer-engine: "),
        ("barebones", True, "trainer.barebones is true; expected false, as a run logs"),
        ("enable_checkpointing", False, "trainer.enable_checkpointing is false: "),
        ("check_val_every_n_epoch", 0, "trainer.check_val_every_n_epoch is 0; expected at least 1"),
        ("val_check_interval", 0, "trainer.val_check_interval is 0; expected a number of batches, or a share"),
        ("val_check_interval", 1.5, "trainer.val_check_interval is 1.5: "),
        ("limit_train_batches", -1, "trainer.limit_train_batches is -1: "),
        ("overfit_batches", -1, "trainer.overfit_batches is -1: "),
        ("fast_dev_run", -1, "trainer.fast_dev_run is -1: "),
        ("max_epochs", -2, "trainer.max_epochs is -2: "),
        ("max_steps", -2, "trainer.max_steps is -2: "),
        ("max_time", "abc", "trainer.max_time is abc: "),
        ("max_time", {"dayz": 1}, "trainer.max_time is {'dayz': 1}: "),
        ("profiler", "abc", "trainer.profiler is abc: "),
        ("gradient_clip_algorithm", "abc", "trainer.gradient_clip_algorithm is abc: "),
        ("reload_dataloaders_every_n_epochs", -1, "trainer.reload_dataloaders_every_n_epochs is -1: "),
    ],
)
def test_the_key_of_a_refused_setting_is_named(built: LightningGANsCLI, key: str, value: Any, message: str) -> None:
    config, settings = built.config["fit"].trainer, built.config_init["fit"].trainer
    before, given = config[key], entries(settings.clone())
    config[key] = value
    try:
        with pytest.raises(InputError) as caught:
            built.argument_errors.instantiate(partial(built.build_trainer, {}), Trainer, **{**given, key: value})
    finally:
        config[key] = before
        for name, original in given.items():
            settings[name] = original
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed_everything", "-1"], "seed_everything is -1; expected a whole number from 0 to 4294967295"),
        (["--seed_everything", "100000000000"], "seed_everything is 100000000000; expected a whole number"),
        (["--trainer.strategy", "abc"], "trainer.strategy is abc; expected one of auto, single_device, ddp"),
        (["--best.save_top_k", "-5"], "best.save_top_k is -5: Invalid value for save_top_k=-5"),
        (
            [CALLBACK, "EarlyStopping", "--trainer.callbacks.monitor", "loss/g", "--trainer.callbacks.mode", "x"],
            "[0].mode",
        ),
        (["--model.optimizer_g", "torch.optim.SGD", "--model.optimizer_g.lr", "-1"], "model.optimizer_g.lr is -1.0: "),
        (["--model.optimizer_g", "torch.optim.LBFGS"], "model.optimizer_g is LBFGS, whose step needs closure"),
        (
            ["--model.scheduler_g", "torch.optim.lr_scheduler.ReduceLROnPlateau"],
            "model.scheduler_g is ReduceLROnPlateau, whose step needs metrics",
        ),
        (
            ["--model.scheduler_g", "OneCycleLR", "--model.scheduler_g.max_lr", "1"],
            "model.scheduler_g: You must define either total_steps OR (epochs AND steps_per_epoch)",
        ),
        (["--model.optimizer_g", "null"], "model.optimizer_g is null; expected a class, such as GANAdam"),
        (
            ["--model.scheduler_g", "CosineAnnealingWarmRestarts", "--model.scheduler_g.T_0", "0"],
            "model.scheduler_g.T_0 is 0: Expected positive integer T_0, but got 0",
        ),
        (
            ["--trainer.accumulate_grad_batches", "2"],
            "trainer.accumulate_grad_batches is 2; expected 1, as a GAN has model.accumulate_g and model.accumulate_d",
        ),
        (
            ["--trainer.gradient_clip_val", "1"],
            "trainer.gradient_clip_val is 1; expected null, as a GAN has model.clip_g and model.clip_d",
        ),
        (["--trainer.val_check_interval", "1000"], "trainer.val_check_interval is 1000: "),
        (["--trainer.callbacks+", "LearningRateMonitor", "--trainer.logger", "false"], "trainer.callbacks[0]: "),
    ],
)
def test_the_command_line_names_the_key(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build([*FIT, *arguments])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_seed_from_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("abc", "-5"):
        monkeypatch.setenv("PL_GLOBAL_SEED", given)
        with pytest.raises(InputError, match=rf"environment variable PL_GLOBAL_SEED is {given}; expected a whole"):
            build([*FIT, "--seed_everything", "true"])


def test_the_config_that_sets_a_refused_value_is_named() -> None:
    Path("bad.yaml").write_text("trainer: {num_nodes: 0}")
    with pytest.raises(InputError, match=r"^trainer\.num_nodes is 0: .* \(in bad\.yaml\)$"):
        build([*FIT, "--config", "bad.yaml"])


class Confused(Callback):
    """Logs where Lightning does not allow it: its author's error."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("x", 1.0)


class Mistaken(Callback):
    """Its constructor gives torch an argument of a wrong type."""

    def __init__(self, size: int = 1) -> None:
        torch.zeros(torch.zeros(size))  # type: ignore[call-overload]


def test_a_refusal_of_a_users_own_call_keeps_its_traceback() -> None:
    with pytest.raises(MisconfigurationException, match="on_fit_start"):
        build([*FIT, CALLBACK, f"{HERE}.Confused"])


def test_a_users_wrong_call_of_a_library_is_no_refused_setting() -> None:
    with pytest.raises(ValueError, match="Mistaken") as caught:
        build([*FIT, CALLBACK, f"{HERE}.Mistaken"])
    assert not isinstance(caught.value, InputError)


def test_an_error_in_our_own_code_keeps_its_traceback() -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MisconfigurationException("a bug")

    with (
        mock.patch("lightning_gans.callbacks.ema.EMA.setup", fail),
        pytest.raises(MisconfigurationException, match="a bug"),
    ):
        build([*FIT])


def checkpoint(arguments: dict[str, Any]) -> ModelCheckpoint:
    return ModelCheckpoint(**arguments)


def test_arguments_are_found_by_their_defaults() -> None:
    defaults = {"mode": "min", "save_top_k": 1, "monitor": None, "every_n_epochs": None, "verbose": False}

    def refused(**arguments: Any) -> list[str]:
        with pytest.raises(MisconfigurationException) as caught:
            checkpoint(arguments)
        return refused_arguments(checkpoint, arguments, defaults, caught.value)

    assert refused(mode="abc", verbose=True) == ["mode"]
    assert refused(save_top_k=-5, mode="min") == ["save_top_k"]
    assert refused(mode="abc", save_top_k=-5) == ["mode"]  # which Lightning checks first


def test_arguments_are_found_by_name_or_quoted_value() -> None:
    given, defaults = {"monitor": "a/b", "mode": "min", "patience": 0}, {"mode": "min", "patience": 3}
    assert mentioned_arguments("no `a/b` with patience", given, defaults) == ["monitor", "patience"]
    assert mentioned_arguments("mode is impatience, a/b", given, defaults) == []
