"""Finds the checkpoints of a run. Other than :mod:`.folder`, it reads checkpoints and needs torch."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_models import find_model
from lightning_gans.runs.below import newest_run_in
from lightning_gans.runs.checkpoint_file import check_archive
from lightning_gans.runs.folder import BEST, CHECKPOINTS, LAST, RunFolder
from lightning_gans.runs.json_lines import OnDamage, ignore_damage
from lightning_gans.runs.weights_file import CONFIG


def best_checkpoint(folder: RunFolder) -> Path | None:
    """The checkpoint with the best score; None if there is none.

    It is the one that Lightning's ModelCheckpoint recorded in ``last.ckpt``, under whatever name, and ``best.ckpt`` if
    none was recorded. If the run's folder was moved, its own file of the recorded name is taken.
    """
    for recorded in recorded_best(folder.last_checkpoint):
        for path in (folder.checkpoints / recorded.name, recorded):
            if path.is_file():
                return path
    named = folder.checkpoint(BEST)
    return named if named.is_file() else None


def best_or_last_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint, else the last one; None if there is neither.

    Args:
        folder: a run's folder, or a folder that contains the checkpoints themselves.
    """
    run = RunFolder(folder.parent if folder.name == CHECKPOINTS else folder)
    paths = [best_checkpoint(run), run.last_checkpoint, *(folder / f"{name}.ckpt" for name in (BEST, LAST))]
    return next((path for path in paths if path is not None and path.is_file()), None)


def find_checkpoint(path: Path, key: str = "path") -> Path:
    """Find the checkpoint in a run's folder, or in the newest in a folder of runs, or the folder of a shipped model.

    Args:
        path: a path of any kind; one of another kind is returned unchanged.
        key: the setting or argument that names it, for messages.

    Raises:
        InputError: if the path does not exist and names no shipped model, or the folder holds no checkpoint.
    """
    if not path.exists():
        return find_model(path, key)
    if not path.is_dir() or (path / CONFIG).is_file():
        return path
    run = newest_run_in(path)
    if checkpoint := best_or_last_checkpoint(path if run is None else run.path):
        return checkpoint
    raise InputError(
        f"{key} is {path}, which holds no checkpoint; expected a checkpoint, a run's folder or an exported folder"
    )


def checkpoints_by_step(folder: RunFolder, on_damage: OnDamage = ignore_damage) -> dict[int, Path]:
    """A run's checkpoints by the number of their steps, ascending; of several with the same step, the first by name.

    Args:
        folder: of the run.
        on_damage: is told of each file that cannot be read, which is left out.
    """
    found: dict[int, Path] = {}
    for path in folder.all_checkpoints():
        try:
            found.setdefault(int(read_lazily(path)["global_step"]), path)
        except Exception:  # depends on the file's bytes
            on_damage(f"{path} is no whole checkpoint")
    return dict(sorted(found.items()))


def recorded_best(checkpoint: Path) -> list[Path]:
    """Paths of the best checkpoints according to the callbacks whose state a checkpoint has; [] if it is not readable.

    Only callbacks that compare a score count, not those that keep the newest.
    """
    try:
        states = [state for state in read_lazily(checkpoint)["callbacks"].values() if isinstance(state, Mapping)]
    except Exception:  # depends on the file's bytes; whoever loads this file reports it
        return []
    found = [state.get("best_model_path") for state in states if state.get("monitor") is not None]
    return [Path(path) for path in found if isinstance(path, str) and path]


def read_lazily(checkpoint: Path) -> Any:
    """The contents of a checkpoint; the numbers of its tensors stay on disk.

    Raises:
        Exception: of various types, if the file is not readable.
    """
    with zipfile.ZipFile(checkpoint) as archive:
        check_archive(archive, checkpoint.stat().st_size)
    return torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
