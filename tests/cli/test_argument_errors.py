"""A ValueError of a class arrives with the key of the config that the class was built from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch.optim.lr_scheduler import LambdaLR

from lightning_gans.cli.train import build
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import digits
from lightning_gans.networks import DCGANGenerator
from lightning_gans.variants import DCGAN

HERE = "tests.cli.test_argument_errors"
FIT = ["fit", "--config", "dcgan/digits", "--trainer.fast_dev_run", "true", "--trainer.enable_model_summary", "false"]
SMALL = ["--model.generator.width", "2", "--model.discriminator.width", "2"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(name: str, value: float) -> None:
    if value < 1:
        raise ValueError(f"{name} is {value}; expected at least 1")


class StrictGAN(DCGAN):  # type: ignore[misc]  # final
    def __init__(self, margin: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check("margin", margin)


class StrictGenerator(DCGANGenerator):
    def __init__(self, depth: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check("depth", depth)


class StrictAdam(GANAdam):
    def __init__(self, params: Any, lr: float = 1.0) -> None:
        if lr <= 0:
            raise ValueError(f"lr is {lr}; expected at least 1")
        super().__init__(params, lr=lr)


class StrictSchedule(LambdaLR):
    def __init__(self, optimizer: torch.optim.Optimizer, steps: int = 1) -> None:
        check("steps", steps)
        super().__init__(optimizer, lambda step: 1.0)


class StrictCallback(Callback):
    def __init__(self, every: int = 1, share: float = 1.0, late: int = 1, inside: int = 1) -> None:
        check("every", every)
        if share > 1:
            raise ValueError("all shares together\nare more than 1")
        self.late, self.inside = late, inside

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        check("late", self.late)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        check("inside", self.inside)


class StrictData(digits.DigitsDataModule):
    def __init__(self, folds: int = 1, late: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check("folds", folds)
        self.late = late

    def setup(self, stage: str) -> None:
        check("late", self.late)
        super().setup(stage)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["--model", f"{HERE}.StrictGAN", "--model.margin", "0"], "model.margin"),
        (["--model.generator", f"{HERE}.StrictGenerator", "--model.generator.depth", "0"], "model.generator.depth"),
        (["--model.optimizer_d", f"{HERE}.StrictAdam", "--model.optimizer_d.lr", "0"], "model.optimizer_d.lr"),
        (
            ["--model.scheduler_g", f"{HERE}.StrictSchedule", "--model.scheduler_g.steps", "0"],
            "model.scheduler_g.steps",
        ),
        (["--data", f"{HERE}.StrictData", "--data.folds", "0"], "data.folds"),
        (["--data", f"{HERE}.StrictData", "--data.late", "0"], "data.late"),
        (["--trainer.callbacks+", f"{HERE}.StrictCallback", "--trainer.callbacks.every", "0"], "callbacks[0].every"),
        (["--trainer.callbacks+", f"{HERE}.StrictCallback", "--trainer.callbacks.late", "0"], "callbacks[0].late"),
    ],
)
def test_the_key_is_named(arguments: list[str], key: str) -> None:
    with pytest.raises(InputError) as caught:
        build([*FIT, *SMALL, *arguments])
    assert str(caught.value).removeprefix("trainer.").replace(".0;", ";") == f"{key} is 0; expected at least 1"


def test_of_two_of_a_class_the_one_with_the_value_is_named() -> None:
    both = ["--model.optimizer_g", f"{HERE}.StrictAdam", "--model.optimizer_d", f"{HERE}.StrictAdam"]
    for side in "gd":
        with pytest.raises(InputError, match=rf"^model\.optimizer_{side}\.lr is -1\.0"):
            build([*FIT, *SMALL, *both, f"--model.optimizer_{side}.lr", "-1"])


def test_a_key_of_a_callback_is_named() -> None:
    with pytest.raises(InputError, match=r"^ema\.decay is 2\.0; expected at least 0"):
        build([*FIT, *SMALL, "--ema.decay", "2"])


def test_the_config_that_sets_it_is_named() -> None:
    Path("first.yaml").write_text(f"trainer: {{callbacks: [{{class_path: {HERE}.StrictCallback}}]}}")
    Path("bad.yaml").write_text(
        f"trainer: {{callbacks: [{{class_path: {HERE}.StrictCallback, init_args: {{every: 0}}}}]}}"
    )
    with pytest.raises(InputError, match=r"callbacks\[0\]\.every is 0; expected at least 1 \(in bad\.yaml\)$"):
        build([*FIT, *SMALL, "--config", "first.yaml", "--config", "bad.yaml"])


def test_a_message_that_names_no_argument_gets_the_key_of_the_class() -> None:
    with pytest.raises(InputError, match=r"^trainer\.callbacks\[0\]: all shares together are more than 1$"):
        build([*FIT, *SMALL, "--trainer.callbacks+", f"{HERE}.StrictCallback", "--trainer.callbacks.share", "2"])


def test_an_error_inside_a_step_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="inside is 0"):
        build([*FIT, *SMALL, "--trainer.callbacks+", f"{HERE}.StrictCallback", "--trainer.callbacks.inside", "0"])
