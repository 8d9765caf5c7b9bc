"""Where a run writes."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer


def run_folder(trainer: Trainer) -> Path:
    """The folder of this run: ``save_dir/name/version`` of the first logger, as ModelCheckpoint has it too.

    Without a logger, or with one that keeps nothing on disk, the trainer's ``default_root_dir``.
    """
    logger = trainer.loggers[0] if trainer.loggers else None
    if logger is None or logger.save_dir is None:
        return Path(trainer.default_root_dir)
    return Path(logger.save_dir) / str(logger.name) / version_folder(logger.version)


def version_folder(version: int | str | None) -> str:
    """The name of a version's folder, as Lightning's loggers have it."""
    return version if isinstance(version, str) else f"version_{version}"


def writes(trainer: Trainer) -> bool:
    """Whether this part of the run leaves files: not in the sanity check, not in a fast_dev_run."""
    fast: bool | int = trainer.fast_dev_run  # type: ignore[attr-defined]  # set outside __init__
    return not trainer.sanity_checking and not fast
