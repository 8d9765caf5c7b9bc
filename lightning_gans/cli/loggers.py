"""What the command line adds to the loggers of a run: a folder, and W&B's login, group, tags and job type."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from jsonargparse import Namespace, dict_to_namespace
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from lightning_gans.cli.ckpt_path import first_logger, loggers, wandb_loggers
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import is_installed, require_extra
from lightning_gans.core.shipped_configs import config_folder
from lightning_gans.runs.settings import STUDY

LOCAL_MODES = ("offline", "dryrun", "disabled")
"""W&B's modes without a service."""


def require_folder(config: Namespace, name: str) -> None:
    """Put the CSV log first where no logger gives the run a folder, or where the trainer's default logger is asked for.

    Args:
        config: the subcommand's config, whose loggers are changed in place; ``false`` stays.
        name: of the run.
    """
    given = config.trainer.logger
    if given is False or first_logger(config) is not None:
        return
    default = yaml.safe_load((config_folder() / "base.yaml").read_text())["trainer"]["logger"]
    default["init_args"] |= {"name": name or default["init_args"]["name"], "version": None}
    csv = dict_to_namespace(default)
    config.trainer.logger = [csv, *loggers(config)] if loggers(config) else csv


def require_loggers(config: Namespace) -> None:
    """Check that the loggers can be used.

    Args:
        config: the subcommand's config.

    Raises:
        InputError: if a package is not installed, or W&B has no key.
    """
    require_logger_packages(config)
    require_wandb_login(config)


def require_logger_packages(config: Namespace) -> None:
    """Check that the packages of the loggers are installed.

    Args:
        config: the subcommand's config.

    Raises:
        InputError: if a logger writes for TensorBoard, which is not installed.
    """
    # Lightning takes either package.
    if not is_installed("tensorboardX") and any(
        str(entry.class_path).endswith(f".{TensorBoardLogger.__name__}") for entry in loggers(config)
    ):
        require_extra("tensorboard", "trainer.logger is TensorBoardLogger, which")


def require_wandb_login(config: Namespace) -> None:
    """Check that W&B can be used, before W&B asks for a key in a prompt or fails.

    Args:
        config: the subcommand's config.

    Raises:
        InputError: if a logger sends to W&B, but this machine has no key for it.
    """
    if config.trainer.fast_dev_run or getattr(rank_zero_only, "rank", 0) > 0:
        return
    for logger in wandb_loggers(config):
        if logger.init_args.get("offline") or logger.init_args.get("mode") in LOCAL_MODES:
            continue  # before W&B reads the environment, in which the logger will set the mode
        import wandb

        local = wandb.setup().settings.mode in LOCAL_MODES
        if not local and not wandb.login(prompt=False, verify=False):
            raise InputError(
                "trainer.logger is WandbLogger, but this machine is not logged in to W&B; log in with `wandb login`, "
                "or log to this machine only with --trainer.logger.offline true"
            )


@contextmanager
def wandb_defaults(config: Namespace, subcommand: str) -> Iterator[None]:
    """Context manager around the making of loggers: W&B's get a group, tags and a job type where none are given.

    The group is the study of a sweep, else the name of the run, which seeds share. They are no settings of the run, so
    the config does not keep them.

    Args:
        config: the subcommand's config.
        subcommand: the subcommand's name, which is the job type.
    """
    classes = [str(config[key].class_path).rpartition(".")[2] for key in ("model", "data")]
    changed = []
    for logger in wandb_loggers(config):
        arguments = logger.init_args
        # W&B looks for the git checkout around this folder, and warns if it does not exist.
        Path(arguments.get("save_dir") or ".").mkdir(parents=True, exist_ok=True)
        name = os.environ.get(STUDY) or arguments.get("name") or "-".join(classes)
        added = {"group": ("WANDB_RUN_GROUP", name), "tags": ("WANDB_TAGS", classes)}
        for key, (variable, value) in (added | {"job_type": ("WANDB_JOB_TYPE", subcommand)}).items():
            if arguments.get(key) is None and variable not in os.environ:
                arguments[key] = value
                changed.append((arguments, key))
    try:
        yield
    finally:
        for arguments, key in changed:
            arguments[key] = None
