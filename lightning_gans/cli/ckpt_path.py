"""Resolves ``--ckpt_path`` to a file, and finds the run that it belongs to."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.families.compat import RESTORING_MODULE
from lightning_gans.runs.below import newest_first, newest_run_in
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.find_checkpoint import best_checkpoint, checkpoints_by_step
from lightning_gans.runs.folder import BEST, CHECKPOINTS, LAST, RunFolder, parse_version, version_name

AUTO = "auto"

NONE = "none"
"""The value of ``--ckpt_path`` that evaluates networks without training."""

ALL = "all"
"""The value of ``--ckpt_path`` that scores every checkpoint of a run."""

KEYWORDS = (AUTO, LAST, BEST, ALL)
"""Values of ``--ckpt_path`` that mean checkpoints of a run and are no path."""

SCORING = ("validate", "test")
"""Subcommands that take all checkpoints of a run."""


class Resolved(NamedTuple):
    """What ``--ckpt_path`` means beside the checkpoint that the config then names.

    Attributes:
        continues: whether the run continues in an existing folder.
        others: checkpoints to score before that one, in order of their steps.
    """

    continues: bool
    others: Sequence[Path] = ()


def resolve_ckpt_path(config: Namespace, subcommand: str, run: RunFolder | None, unlogged: Path) -> Resolved:
    """Resolve ``--ckpt_path`` to a file, and continue in the folder of the run that is resumed or evaluated.

    ``auto`` is ``last`` if the run named by ``trainer.logger.version`` exists, and otherwise starts it, so that the
    same command starts a job and resumes it. A run's folder means its last checkpoint for ``fit``. For an evaluation it
    means the best one, else the last; so does no value, of the run that the config names, else of the newest. ``all``
    means all of that run, each step once, and ends with this one.

    Args:
        config: the subcommand's config; its ``ckpt_path`` and its loggers' versions are set in place.
        subcommand: the subcommand's name.
        run: the run in whose folder the config lies, if it is meant.
        unlogged: the folder of all versions of the run if no logger has one.

    Raises:
        InputError: if there is no such run, none of its checkpoints can be read, or all are meant, but the subcommand
            takes one, or the run has kept none.
    """
    given, fits = config.get("ckpt_path"), subcommand == "fit"
    if (scores_all := given == ALL) and subcommand not in SCORING:
        raise InputError(f"ckpt_path is {ALL}, but {subcommand} takes one checkpoint; expected a path, best or last")
    logger = first_logger(config)
    runs = unlogged if logger is None else runs_of(logger)
    version = None if logger is None else logger.init_args.version
    if given == AUTO:
        if logger is None or version is None:
            raise InputError("ckpt_path is auto, which resumes a run by its name; expected trainer.logger.version")
        given = LAST if RunFolder(runs / version_name(version)).all_checkpoints() else NONE
    if given == NONE or (given is None and fits):
        config.ckpt_path = None
        return Resolved(False)
    folder: RunFolder | None
    others: Sequence[Path] = ()
    if given is None or given in KEYWORDS:
        folder, path = checkpoint_of_run(candidates(config, run, runs), given, subcommand, runs)
        if scores_all:
            others = other_checkpoints(folder, path)
    elif Path(given).is_dir():
        folder, path = checkpoint_in(Path(given), fits)
        given = LAST
    else:
        path = Path(given)
        folder = RunFolder.containing(path)
    config.ckpt_path = str(path)
    # A fit from another checkpoint than the last would overwrite the last: it gets a new folder.
    if folder is None or (fits and LAST not in (given, path.stem)):
        return Resolved(False)
    if logger is None:
        return Resolved(continues_unlogged(config, folder, runs), others)
    return Resolved(continues_logged(config, logger, folder, runs), others)


def other_checkpoints(folder: RunFolder, chosen: Path) -> list[Path]:
    """The checkpoints of a run that have other steps than the chosen one, each step once, in order of the steps.

    Raises:
        InputError: if the run has kept none but the best and the last.
    """
    if not set(folder.all_checkpoints()) - {folder.checkpoint(BEST), folder.last_checkpoint, chosen}:
        raise InputError(
            f"ckpt_path is {ALL}, but {folder} has kept no checkpoints but its best and its last; expected a run that "
            "was trained with --last.keep_every_n_steps N or --last.keep_validated true"
        )
    step = int(AtomicCheckpointIO().load_checkpoint(chosen)["global_step"])
    found = checkpoints_by_step(folder, lambda damage: rank_zero_warn(f"{damage}; it is left out"))
    return [path for other, path in found.items() if other != step]


def continues_logged(config: Namespace, logger: Namespace, folder: RunFolder, runs: Path) -> bool:
    """Whether a run continues in a folder of its logger, whose version is then set."""
    own = folder.path.resolve()
    if own.parent != runs.resolve():
        return False
    if logger.init_args.version is None:
        logger.init_args.version = parse_version(own.name)
    if not same_folder(runs / version_name(logger.init_args.version), folder.path):
        return False
    recall_wandb_runs(config, folder)
    return True


def continues_unlogged(config: Namespace, folder: RunFolder, runs: Path) -> bool:
    """Whether a run without a logger's folder continues in a folder, to which its ``default_root_dir`` is set."""
    root = config.trainer.default_root_dir
    if root is not None:
        return same_folder(Path(root), folder.path)
    if config.trainer.logger is not False or folder.path.resolve().parent != runs.resolve():
        return False
    config.trainer.default_root_dir = str(runs / folder.path.resolve().name)
    return True


def candidates(config: Namespace, run: RunFolder | None, runs: Path) -> list[RunFolder]:
    """The runs of which a checkpoint may be meant where none is given by path, the first choice first."""
    logger = first_logger(config)
    named = []
    if logger is not None and logger.init_args.version is not None:
        named = [RunFolder(runs / version_name(logger.init_args.version))]
    elif logger is None and config.trainer.default_root_dir is not None:
        named = [RunFolder(Path(config.trainer.default_root_dir))]
    if named or run is not None:
        return [*named, *([] if run is None else [run])]
    return newest_first(RunFolder(folder) for folder in runs.glob("*"))


def checkpoint_of_run(
    folders: Sequence[RunFolder], name: str | None, subcommand: str, runs: Path
) -> tuple[RunFolder, Path]:
    """The first of these runs that has a checkpoint, and the checkpoint.

    Args:
        folders: the runs.
        name: "best" or "last"; None and "all" for the best, else the last.
        subcommand: the subcommand's name.
        runs: the folder of all runs, for the message.

    Raises:
        InputError: if there is none, or it is the last and neither it nor another one can be read.
    """
    for folder in folders:
        found = {BEST: best_checkpoint, LAST: last_checkpoint}.get(str(name), best_or_last)(folder)
        if found is not None:
            return folder, newest_readable_checkpoint(found) if name == LAST else found
    place = f"no run in {runs} has" if len(folders) != 1 else f"{folders[0]} does not have"
    if subcommand == "fit":
        raise InputError(f"ckpt_path is {name}, but {place} one; leave it out to start a new run")
    which = f"its {name}" if name in (BEST, LAST) else "a"
    raise InputError(
        f"{subcommand} takes a trained model, but {place} {which} checkpoint; expected "
        f"--ckpt_path with a run's folder or a checkpoint, or --ckpt_path {NONE} for networks without training"
    )


def checkpoint_in(path: Path, fits: bool) -> tuple[RunFolder, Path]:
    """The run of a folder and its checkpoint: the last one for ``fit``, else the best one, else the last.

    For an evaluation, a folder of runs means the newest one. To ``fit`` it is not said which run is to be continued.

    Raises:
        InputError: if there is none, or none that can be read.
    """
    folder = RunFolder(path.parent if path.resolve().name == CHECKPOINTS else path)
    found = last_checkpoint(folder) if fits else best_or_last(folder)
    newest = newest_run_in(path)
    if found is None and newest is not None and not fits:
        rank_zero_info(f"ckpt_path is {path}, a folder of runs; the newest is {newest}")
        folder, found = newest, best_or_last(newest)
    if found is None:
        hint = "" if newest is None else f", such as {newest}"
        raise InputError(f"ckpt_path is {path}, which has no checkpoint; expected a run's folder{hint}")
    return folder, newest_readable_checkpoint(found) if fits else found


def last_checkpoint(folder: RunFolder) -> Path | None:
    """The last checkpoint of a run; None if there is none."""
    return folder.last_checkpoint if folder.last_checkpoint.is_file() else None


def best_or_last(folder: RunFolder) -> Path | None:
    """The best checkpoint of a run, else the last one; None if there is neither."""
    return best_checkpoint(folder) or last_checkpoint(folder)


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
