"""Which run a command line means: its folder, and the checkpoint to load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.errors import InputError
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.folder import BEST, LAST, RunFolder, parse_version, version_name

KEYWORDS = ("auto", LAST, BEST)
"""What ``--ckpt_path`` takes in place of a file."""


def resolve_ckpt_path(config: Namespace, subcommand: str, config_files: Sequence[str]) -> bool:
    """Turn ``--ckpt_path`` auto, last and best into files, and go on in the folder of the run that is resumed.

    ``auto`` is ``last`` where the run named by ``trainer.logger.version`` has been begun, and a new run where it has
    not: the same command starts a job and goes on with it.

    Args:
        config: the subcommand's config, changed in place.
        subcommand: its name.
        config_files: the configs given by ``--config``.

    Returns:
        Whether the run goes on in its folder.

    Raises:
        InputError: if there is no such run, or none of its checkpoints can be read.
    """
    name = config.get("ckpt_path")
    logger = first_logger(config)
    if name is None or (logger is None and name not in KEYWORDS):
        return False
    if logger is None:
        raise InputError(f"ckpt_path is {name}, but there is no logger whose folder could hold it; give the file")
    # W&B keeps a project's runs together, the others those of one name.
    runs = Path(logger.init_args.save_dir) / str(logger.init_args.get("project") or logger.init_args.name)
    version = logger.init_args.version
    if name == "auto":
        if version is None:
            raise InputError(
                "ckpt_path is auto, which goes on with a run of a known name; expected trainer.logger.version"
            )
        if not RunFolder(runs / version_name(version)).all_checkpoints():
            config.ckpt_path = None
            return False
        name = LAST
    if name in KEYWORDS:
        for file in config_files:
            # A run's own config means that run, not the newest.
            if version is None and Path(file).resolve().parent.parent == runs.resolve():
                version = parse_version(Path(file).resolve().parent.name)
        config.ckpt_path = str(newest_checkpoint(runs, name, version))
    path = Path(config.ckpt_path).resolve()
    # A fit from anything but the newest state would overwrite that state: it gets a folder of its own.
    newest = LAST in (name, path.stem)
    folder = RunFolder.containing(path)
    if folder is None or folder.path.parent != runs.resolve() or (subcommand == "fit" and not newest):
        return False
    if logger.init_args.version is None:
        logger.init_args.version = parse_version(folder.path.name)
    recall_wandb_runs(config, folder)
    return True


def loggers(config: Namespace) -> list[Namespace]:
    """The configs of all loggers."""
    logger = config.trainer.logger
    return [entry for entry in (logger if isinstance(logger, list) else [logger]) if isinstance(entry, Namespace)]


def first_logger(config: Namespace) -> Namespace | None:
    """The config of the first logger, if it keeps versions of a named run in a folder."""
    first = next(iter(loggers(config)), None)
    wanted = {"save_dir", "name", "version"}
    return first if first is not None and wanted <= set(first.get("init_args", {}).keys()) else None


def newest_checkpoint(runs: Path, name: str, version: int | str | None) -> Path:
    """The checkpoint ``name`` of the newest run in ``runs``, or of the given version.

    Where a run's ``last.ckpt`` cannot be read, its newest checkpoint that can be is taken, and said so.

    Raises:
        InputError: if there is none.
    """
    folders = runs.glob("*") if version is None else [runs / version_name(version)]
    checkpoints = (RunFolder(folder).checkpoint(name) for folder in folders)
    found = sorted((path for path in checkpoints if path.exists()), key=modified)
    if not found:
        raise InputError(f"ckpt_path is {name}, but no run in {runs} has one; leave it out to start a new run")
    return newest_readable_checkpoint(found[-1]) if name == LAST else found[-1]


def modified(path: Path) -> float:
    """When a file was written."""
    return path.stat().st_mtime


def newest_readable_checkpoint(last: Path) -> Path:
    """``last``, or where it cannot be read the newest checkpoint beside it that can be.

    Raises:
        InputError: if none can be.
    """
    others = sorted(set(last.parent.glob("*.ckpt")) - {last}, key=modified, reverse=True)
    failed = ""
    for path in [last, *others]:
        try:
            checkpoint = AtomicCheckpointIO().load_checkpoint(path)
        except InputError as error:
            failed = failed or str(error)
            continue
        if failed:
            step = checkpoint["global_step"]
            rank_zero_warn(f"{failed}. The newest good one is taken in its place: {path}, of step {step}.")
        return path
    raise InputError(f"{failed}; no other checkpoint in {last.parent} can be read")


def wandb_loggers(config: Namespace) -> list[Namespace]:
    """The configs of W&B's loggers."""
    return [entry for entry in loggers(config) if str(entry.class_path).endswith(f".{WandbLogger.__name__}")]


def remember_wandb_runs(trainer: Trainer) -> None:
    """Write the ids of W&B's runs into the run's folder, for the run that resumes it."""
    ids = [logger.experiment.id for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if ids:
        RunFolder.of(trainer).wandb_runs.write_text(json.dumps(ids) + "\n")


def recall_wandb_runs(config: Namespace, folder: RunFolder) -> None:
    """Go on with W&B's runs, where the config names none."""
    path = folder.wandb_runs
    ids: list[Any] = json.loads(path.read_text()) if path.is_file() else []
    for logger, known in zip(wandb_loggers(config), ids, strict=False):
        if logger.init_args.get("id") is None and logger.init_args.get("version") is None:
            logger.init_args.id = known
