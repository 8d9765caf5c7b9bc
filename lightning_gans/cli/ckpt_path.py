"""Resolves ``--ckpt_path`` auto, last and best to a file, and finds the run that it belongs to."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.families.compat import RESTORING_MODULE
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.folder import BEST, LAST, RunFolder, parse_version, version_name

AUTO = "auto"

KEYWORDS = (AUTO, LAST, BEST)
"""Values of ``--ckpt_path`` that name no file."""


def resolve_ckpt_path(config: Namespace, subcommand: str, config_files: Sequence[str]) -> bool:
    """Resolve ``--ckpt_path`` to a file, and continue in the folder of the run that is resumed.

    ``auto`` is ``last`` if the run named by ``trainer.logger.version`` exists, and otherwise starts it, so that the
    same command starts a job and resumes it.

    Args:
        config: the subcommand's config; its ``ckpt_path`` and its loggers' versions are set in place.
        subcommand: the subcommand's name.
        config_files: paths of the configs on the command line.

    Returns:
        Whether the run continues in an existing folder.

    Raises:
        InputError: if there is no such run, or none of its checkpoints can be read.
    """
    name = config.get("ckpt_path")
    logger = first_logger(config)
    if name is None or (logger is None and name not in KEYWORDS):
        return False
    if logger is None:
        raise InputError(f"ckpt_path is {name}, but no logger has a folder to search; give the checkpoint's path")
    runs = runs_of(logger)
    version = logger.init_args.version
    if name == AUTO:
        if version is None:
            raise InputError("ckpt_path is auto, which resumes a run by its name; expected trainer.logger.version")
        if not RunFolder(runs / version_name(version)).all_checkpoints():
            config.ckpt_path = None
            return False
        name = LAST
    if name in KEYWORDS:
        for file in config_files:
            # A config in a run's folder selects that run, not the newest.
            if version is None and Path(file).resolve().parent.parent == runs.resolve():
                version = parse_version(Path(file).resolve().parent.name)
        config.ckpt_path = str(newest_checkpoint(runs, name, version))
    path = Path(config.ckpt_path).resolve()
    # A fit from another checkpoint than the last would overwrite the last: it gets a new folder.
    newest = LAST in (name, path.stem)
    folder = RunFolder.containing(path)
    if folder is None or folder.path.parent != runs.resolve() or (subcommand == "fit" and not newest):
        return False
    if logger.init_args.version is None:
        logger.init_args.version = parse_version(folder.path.name)
    if not same_folder(runs / version_name(logger.init_args.version), folder.path):
        return False
    recall_wandb_runs(config, folder)
    return True


@contextmanager
def errors_name_ckpt_path(ckpt_path: Callable[[], object]) -> Iterator[None]:
    """Context manager around a run: an error while a checkpoint is restored names the checkpoint.

    Args:
        ckpt_path: returns the path of the checkpoint.

    Raises:
        InputError: in place of any other error from restoring, such as that of a field of another type.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not any(frame.f_globals.get("__name__") == RESTORING_MODULE for frame in frames):
            raise
        raise InputError(
            f"ckpt_path is {ckpt_path()}, which cannot be restored into this run ({type(error).__name__}: "
            f"{short_reason(error)}); expected a checkpoint of a run with the same settings"
        ) from error


def loggers(config: Namespace) -> list[Namespace]:
    """The configs of all loggers."""
    logger = config.trainer.logger
    return [entry for entry in (logger if isinstance(logger, list) else [logger]) if isinstance(entry, Namespace)]


def first_logger(config: Namespace) -> Namespace | None:
    """The config of the first logger, or None if it has no folder with versions."""
    first = next(iter(loggers(config)), None)
    wanted = {"save_dir", "name", "version"}
    return first if first is not None and wanted <= set(first.get("init_args", {}).keys()) else None


def runs_of(logger: Namespace) -> Path:
    """The folder of all versions of a logger's run."""
    # W&B keeps a project's runs together, the others those of one name.
    return Path(logger.init_args.save_dir) / str(logger.init_args.get("project") or logger.init_args.name)


def same_folder(one: Path, other: Path) -> bool:
    """Whether two paths are of one folder."""
    return one.resolve() == other.resolve()


def newest_checkpoint(runs: Path, name: str, version: int | str | None) -> Path:
    """Find the checkpoint ``name`` of the newest run in ``runs``, or of the given version.

    If a run's ``last.ckpt`` cannot be read, its newest readable checkpoint is taken, with a warning.

    Raises:
        InputError: if there is no such checkpoint.
    """
    folders = runs.glob("*") if version is None else [runs / version_name(version)]
    checkpoints = (RunFolder(folder).checkpoint(name) for folder in folders)
    found = sorted((path for path in checkpoints if path.exists()), key=modified)
    if not found:
        raise InputError(f"ckpt_path is {name}, but no run in {runs} has one; leave it out to start a new run")
    return newest_readable_checkpoint(found[-1]) if name == LAST else found[-1]


def modified(path: Path) -> float:
    """Modification time of a file, in seconds."""
    return path.stat().st_mtime


def newest_readable_checkpoint(last: Path) -> Path:
    """Return ``last`` if it can be read, otherwise the newest readable checkpoint in its folder.

    Raises:
        InputError: if no checkpoint can be read.
    """
    others = sorted(set(RunFolder(last.parent.parent).all_checkpoints()) - {last}, key=modified, reverse=True)
    failed = ""
    for path in [last, *others]:
        try:
            checkpoint = AtomicCheckpointIO().load_checkpoint(path)
        except InputError as error:
            failed = failed or str(error)
            continue
        if failed:
            step = checkpoint["global_step"]
            rank_zero_warn(f"{failed}. The newest readable checkpoint is used instead: {path}, of step {step}.")
        return path
    raise InputError(f"{failed}; no other checkpoint in {last.parent} can be read")


def wandb_loggers(config: Namespace) -> list[Namespace]:
    """The configs of W&B's loggers."""
    return [entry for entry in loggers(config) if str(entry.class_path).endswith(f".{WandbLogger.__name__}")]


def remember_wandb_runs(trainer: Trainer) -> None:
    """Write the ids of the W&B runs into the run's folder, so that resuming continues them."""
    ids = [logger.experiment.id for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if ids:
        RunFolder.of(trainer).wandb_runs.write_text(json.dumps(ids) + "\n")


def recall_wandb_runs(config: Namespace, folder: RunFolder) -> None:
    """Continue the W&B runs of a run's folder, unless the config names others."""
    path = folder.wandb_runs
    ids: list[Any] = json.loads(path.read_text()) if path.is_file() else []
    for logger, known in zip(wandb_loggers(config), ids, strict=False):
        if logger.init_args.get("id") is None and logger.init_args.get("version") is None:
            logger.init_args.id = known
