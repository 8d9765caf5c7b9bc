"""What the command line adds to loggers: a folder, and W&B's login, group, tags and job type."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb
from jsonargparse import Namespace

from lightning_gans.cli.ckpt_path import first_logger
from lightning_gans.cli.loggers import require_folder, require_wandb_login, wandb_defaults
from lightning_gans.core.errors import InputError

CSV = "lightning_gans.runs.csv_logger.ResumableCSVLogger"
WANDB = "lightning.pytorch.loggers.WandbLogger"


def space(**entries: Any) -> Namespace:
    return Namespace(**entries)  # type: ignore[no-untyped-call]  # jsonargparse has not annotated it


def config(logger: Any, **trainer: Any) -> Namespace:
    classes = {"model": space(class_path="a.DCGAN"), "data": space(class_path="b.MNISTDataModule")}
    return space(trainer=space(logger=logger, **{"fast_dev_run": False, **trainer}), **classes)


def online(**arguments: Any) -> Namespace:
    return space(class_path=WANDB, init_args=space(**{"save_dir": "runs", "name": "mine", **arguments}))


@pytest.mark.parametrize("given", [None, True, space(class_path="a.MLFlowLogger", init_args=space(run_id="x"))])
def test_a_run_has_a_folder_and_its_log_whatever_logger_is_given(given: Any) -> None:
    settings = config(given)
    require_folder(settings, "dcgan-mnist")
    first = first_logger(settings)
    assert first is not None
    assert (first.class_path, first.init_args.save_dir, first.init_args.name) == (CSV, "runs", "dcgan-mnist")
    assert given is None or given is True or settings.trainer.logger[1] is given


@pytest.mark.parametrize("given", [False, online(version=None)])
def test_no_logger_and_one_with_a_folder_stay(given: Any) -> None:
    settings = config(given)
    require_folder(settings, "dcgan-mnist")
    assert settings.trainer.logger is given


def test_runs_of_one_name_are_a_group_and_nothing_that_is_given_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine, other = online(), online(name=None, group="seeds", job_type="x")
    with wandb_defaults(config([mine, other]), "fit"):
        assert mine.init_args.as_dict() == {
            "save_dir": "runs",
            "name": "mine",
            "group": "mine",
            "tags": ["DCGAN", "MNISTDataModule"],
            "job_type": "fit",
        }
        assert (other.init_args.group, other.init_args.job_type) == ("seeds", "x")
    assert mine.init_args.as_dict()["group"] is None
    monkeypatch.setenv("WANDB_TAGS", "a,b")
    monkeypatch.setenv("LIGHTNING_GANS_STUDY", "bayes")
    with wandb_defaults(config(mine), "fit"):
        assert (mine.init_args.group, mine.init_args.tags) == ("bayes", None)


@pytest.mark.parametrize(
    ("logger", "mode", "refused"),
    [
        (online(), "online", True),
        (online(), "offline", False),
        (online(), "disabled", False),
        (online(offline=True), "online", False),
        (online(mode="offline"), "online", False),
    ],
)
def test_a_missing_login_is_found_before_anything_is_built(
    logger: Namespace, mode: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def login(**given: Any) -> bool:
        asked.append(given)
        return False

    monkeypatch.setattr(wandb, "login", login)
    monkeypatch.setattr(wandb, "setup", lambda: SimpleNamespace(settings=SimpleNamespace(mode=mode)))
    require_wandb_login(config(logger, fast_dev_run=True))
    if refused:
        with pytest.raises(InputError, match=r"not logged in to W&B; log in with `wandb login`, or .*offline true"):
            require_wandb_login(config([space(class_path=CSV, init_args=space()), logger]))
    else:
        require_wandb_login(config(logger))
    assert asked == [{"prompt": False, "verify": False}] * refused
