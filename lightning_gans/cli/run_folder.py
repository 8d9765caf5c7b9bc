"""A run's folder belongs to one run: checks before a run begins that it does not write into another one's."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import Namespace
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from lightning_gans.callbacks.run_folder import RunLock, lock_folder
from lightning_gans.cli.ckpt_path import AUTO, first_logger, loggers, runs_of, same_folder
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import require_writable
from lightning_gans.runs.folder import RunFolder, parse_version, version_name
from lightning_gans.runs.refused import FolderBefore


def claim_folder(config: Namespace, subcommand: str, given: str | None, *, resumes: bool) -> None:
    """Check that the folder that the config names has no other run.

    With ``--ckpt_path auto``, the files of an attempt that was ended before its first checkpoint are set aside.

    Args:
        config: the subcommand's config, with the resolved ``ckpt_path``.
        subcommand: the subcommand's name.
        given: ``ckpt_path`` as it was given.
        resumes: whether the run continues in the folder of its checkpoint.

    Raises:
        InputError: if the folder has another run, or a run is in progress there.
    """
    place = named_folder(config)
    # The other processes may come when the first one has begun to write.
    if place is None or resumes or config.trainer.fast_dev_run or getattr(rank_zero_only, "rank", 0) > 0:
        return
    key, value, folder = place
    if given == AUTO:
        if folder.has_run() or folder.configs():
            with lock_folder(folder):
                aside = folder.set_aside()
            rank_zero_warn(
                f"the run in {folder} was ended before its first checkpoint, and starts again; its files are now in "
                f"{aside}"
            )
        return
    of_checkpoint = RunFolder.containing(Path(config.ckpt_path)) if config.ckpt_path else None
    if not folder.has_run() or (
        of_checkpoint is not None and same_folder(of_checkpoint.path, folder.path) and subcommand != "fit"
    ):
        return
    if subcommand == "fit":
        remedy = f"resume it with `{folder.resume_command}`"
    else:
        remedy = f"give --ckpt_path best, or another checkpoint of it, to {subcommand} it"
    raise InputError(f"{key} is {value}, but {folder} has a run; {remedy}, or give another {key.rpartition('.')[2]}")


def name_folder_without_logger(config: Namespace, runs: Path) -> None:
    """Give a run without a logger a folder as a logger would: ``trainer.default_root_dir``, if it is not given.

    Args:
        config: the subcommand's config, which is changed in place.
        runs: the folder of all versions of the run.
    """
    if config.trainer.logger is not False or config.trainer.default_root_dir is not None:
        return
    versions = [parse_version(folder.name) for folder in runs.glob("*") if folder.is_dir()]
    number = max((version for version in versions if isinstance(version, int)), default=-1) + 1
    config.trainer.default_root_dir = str(runs / version_name(number))


def require_writable_folders(config: Namespace, subcommand: str) -> None:
    """Check that the files of a run can be written.

    Args:
        config: the subcommand's config, with the versions of its loggers.
        subcommand: the subcommand's name.

    Raises:
        InputError: if the folder of a logger, or another one that the config names, cannot be written to.
    """
    if config.trainer.fast_dev_run:
        return
    for logger in loggers(config):
        if (save_dir := logger.init_args.get("save_dir")) is not None:
            subject = f"trainer.logger.save_dir is {save_dir}"
            first = logger is first_logger(config)
            require_writable(folder_of(logger) if first else Path(save_dir), subject)
    if not isinstance(config.trainer.logger, Namespace | list):
        root = config.trainer.default_root_dir or Path.cwd()
        require_writable(Path(root), f"trainer.default_root_dir is {root}")
    others = {"fit": ("best", "dirpath"), "predict": ("predictions", "folder")}
    if subcommand in others:
        section, name = others[subcommand]
        if (folder := config[section].get(name)) is not None:
            require_writable(Path(folder), f"{section}.{name} is {folder}")


def folder_of(logger: Namespace) -> Path:
    """The folder of a logger's version, or the one of all versions if it has none yet."""
    version = logger.init_args.version
    return runs_of(logger) if version is None else runs_of(logger) / version_name(version)


def run_lock(config: Namespace) -> RunLock:
    """The lock of a run, which knows what is there before it; to be made before loggers make folders."""
    logger, runs = first_logger(config), None
    if logger is not None and logger.init_args.save_dir is not None:
        runs = runs_of(logger)
    elif config.trainer.logger is False and config.trainer.default_root_dir is not None:
        runs = Path(config.trainer.default_root_dir).absolute().parent
    return RunLock(FolderBefore(runs))


def named_folder(config: Namespace) -> tuple[str, object, RunFolder] | None:
    """The folder in which a run will write, after the key that names it and its value; None if it will be a new one."""
    if not config.trainer.logger:  # false, or null for Lightning's default, which is new
        if config.trainer.logger is None:
            return None
        root = config.trainer.default_root_dir or Path.cwd()
        return "trainer.default_root_dir", root, RunFolder(Path(root))
    logger = first_logger(config)
    version = None if logger is None else logger.init_args.version
    if logger is None or version is None:
        return None
    return "trainer.logger.version", version, RunFolder(folder_of(logger))
