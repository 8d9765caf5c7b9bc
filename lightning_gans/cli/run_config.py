"""What a config in a run's folder means, wherever the command is called; a fit of a run that is finished."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace

from lightning_gans.cli.ckpt_path import KEYWORDS, same_folder
from lightning_gans.cli.config_arguments import read_config
from lightning_gans.core.errors import RunEnded
from lightning_gans.families.compat import finished_epochs
from lightning_gans.runs.folder import CHECKPOINTS, RunFolder
from lightning_gans.runs.trained_weights import read_trained_weights

RUN_CONFIG = re.compile(r"config(-\d+)?\.yaml")
"""Names of configs in a run's folder."""


def run_of_configs(config_files: Sequence[str]) -> RunFolder | None:
    """The run in whose folder the last of these configs lies that lies in one; None if none does."""
    for file in reversed(config_files):
        folder = RunFolder(Path(file).parent)
        if RUN_CONFIG.fullmatch(Path(file).name) and folder.is_run():
            return folder
    return None


def means_run(config: Namespace, subcommand: str, run: RunFolder) -> bool:
    """Whether a config that lies in a run's folder means that run, and not its settings only.

    Args:
        config: the subcommand's config.
        subcommand: the subcommand's name.
        run: the run.
    """
    given = config.get("ckpt_path")
    if given is None or given in KEYWORDS:
        return given is not None or subcommand != "fit"
    path = Path(given)
    if path.is_dir():
        return same_folder(path.parent if path.resolve().name == CHECKPOINTS else path, run.path)
    return same_folder(path.parent.parent, run.path)


def place_in(config: Namespace, run: RunFolder, given: Collection[str]) -> None:
    """Change a config that was read from a run's folder, in place, so that it means that run from anywhere.

    The logger writes to the folder of the run, also if it was moved, and paths are relative to the folder in which the
    run was started. Values of the command line stay.

    Args:
        config: the subcommand's config.
        run: the run.
        given: keys of the command line, without ``init_args``.
    """
    written = read_config(str(run.config))
    start = start_folder(run, written if isinstance(written, Mapping) else {})
    if start is not None and start != Path.cwd():
        absolute_paths(config, start, given)
    logger = config.trainer.logger
    first = next(iter(logger if isinstance(logger, list) else [logger]), None)
    if not logger and "trainer.default_root_dir" not in given:
        config.trainer.default_root_dir = str(run)
    if not isinstance(first, Namespace) or "init_args" not in first:
        return
    arguments, own = first.init_args, run.path.resolve()
    keys = {name for name in ("save_dir", "name", "version") if f"trainer.logger.{name}" not in given}
    if "version" in keys and "version" in arguments:
        arguments.version = None  # that of the checkpoint's folder
    if not {"save_dir", "name"} <= keys or arguments.get("save_dir") is None or "project" in arguments:
        return
    if (Path(arguments.save_dir) / str(arguments.get("name"))).resolve() != own.parent:
        written_as = own if len(run.path.parts) < 3 or ".." in run.path.parts else run.path
        arguments.save_dir, arguments.name = str(written_as.parent.parent), own.parent.name


def start_folder(run: RunFolder, written: Mapping[str, Any]) -> Path | None:
    """The folder in which a run was started, from where it lies and its config says that it lies; None if unknown."""
    trainer = written.get("trainer") or {}
    logger = trainer.get("logger")
    logger = logger[0] if isinstance(logger, list) and logger else logger
    if isinstance(logger, Mapping):
        arguments = logger.get("init_args") or {}
        name = arguments.get("project") or arguments.get("name")
        place = Path(str(arguments.get("save_dir"))) / str(name) / "version"
    else:
        place = Path(str(trainer.get("default_root_dir")))
    own = run.path.resolve()
    if place.is_absolute() or len(place.parts) >= len(own.parts):
        return None
    depth = len(place.parts)
    named, actual = place.parts, own.parts[-depth:]
    same = named[:-1] == actual[:-1] if isinstance(logger, Mapping) else named == actual
    return Path(*own.parts[:-depth]) if same else None


STR_PATHS = ("best.dirpath", "trainer.default_root_dir")
"""Keys of paths whose type is a text; all others are of type ``Path``, apart from loggers' ``save_dir``."""


def absolute_paths(node: Any, start: Path, given: Collection[str], key: str = "") -> Any:
    """Replace the relative paths in a config, which is changed in place, by absolute ones.

    Args:
        node: a config, or a part of one.
        start: the folder to which they are relative.
        given: keys of values that stay, without ``init_args``.
        key: path of the node's key, without ``init_args``.

    Returns:
        The node, or what replaces it.
    """
    if key in given:
        return node
    if isinstance(node, Namespace):
        for name, value in list(node.items()):
            below = f"{key}.{name}".removeprefix(".").replace("init_args.", "")
            node[name] = absolute_paths(value, start, given, below)
    elif isinstance(node, list):
        node[:] = [absolute_paths(value, start, given, key) for value in node]
    elif isinstance(node, Path):
        return start / node
    elif isinstance(node, str) and (key in STR_PATHS or key.endswith("logger.save_dir")):
        return str(start / node)
    return node


def check_start(config: Namespace) -> None:
    """Check where a ``fit`` starts, before anything is built: at a checkpoint, or at the weights of a trained model.

    Args:
        config: the subcommand's config, with the resolved ``ckpt_path``.

    Raises:
        InputError: if the weights of ``model.start_from`` cannot be read; a run that is resumed does not need them.
        RunEnded: if the checkpoint has reached the end of the run; see :func:`end_if_finished`.
    """
    source = config.model.init_args.get("start_from") if "init_args" in config.model else None
    if config.ckpt_path is not None:
        end_if_finished(config)
    elif isinstance(source, str | Path):
        read_trained_weights(Path(source), "model.start_from")


def end_if_finished(config: Namespace) -> None:
    """End a ``fit`` whose checkpoint has reached the end of the run, before anything is built.

    Args:
        config: the subcommand's config, with the resolved ``ckpt_path``.

    Raises:
        RunEnded: if nothing is left to train, with the scores and how to train longer; exit status 0.
    """
    path = Path(config.ckpt_path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        steps, epochs = int(checkpoint["global_step"]), finished_epochs(checkpoint["loops"])
    except Exception:  # depends on the file's bytes; Lightning loads it and reports
        return
    done = {"max_steps": steps, "max_epochs": epochs}
    limits = {name: config.trainer.get(name) for name in done}
    reached = [name for name, limit in limits.items() if limit is not None and 0 <= limit <= done[name]]
    if not reached:
        return
    folder = RunFolder.containing(path)
    what = " and ".join(f"trainer.{name} is {limits[name]}" for name in reached)
    lines = [f"nothing is left to train: {path} has {steps} steps and {epochs} whole epochs, and {what}"]
    if folder is not None:
        last = {row.domain: row for row in folder.read_scores() if row.split == "val"}
        lines += [row.describe() for row in last.values()] or ["no scores were measured"]
        longer = " ".join(f"--trainer.{name} {2 * max(1, done[name])}" for name in reached)
        shown = RunFolder(path.parent.parent)
        lines.append(f"to train longer: {shown.resume_command} {longer}")
    raise RunEnded("\n".join(lines), status=0)
