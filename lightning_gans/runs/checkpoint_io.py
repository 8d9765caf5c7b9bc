"""Reads checkpoints safely, and writes them so that a kill does not damage an earlier file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lightning_gans.core.errors import RunEnded, os_reason
from lightning_gans.core.files import expand_path
from lightning_gans.runs.checkpoint_file import read_checkpoint

BARE = "is_bare_state_dict"
"""Key that marks the file of a state dict without the rest of a checkpoint."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary file in the same folder, then renames it: readers see the old or the new file.

    Lightning's own writer uses a temporary file in ``$TMPDIR``. If that is on another file system, a kill while the
    file is copied leaves a truncated one in place of the last good one.

    A bare state dict is written and read as well, since processes that were forked or spawned return their weights in
    one. Those of other programs are not read.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint and flush it to disk.

        Raises:
            RunEnded: if it cannot be written, as on a full disk; an earlier file is kept.
        """
        if "state_dict" not in checkpoint:
            checkpoint = {"global_step": 0, "epoch": 0, "loops": {}, "state_dict": checkpoint, BARE: True}
        with written_whole(expand_path(path, "path")) as file:
            torch.save(checkpoint, file)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint, or a bare state dict that this class has written; see :func:`.read_checkpoint`.

        Code in the file never runs: ``weights_only`` is always true, whatever Lightning passes, and the environment
        variable ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` applies only where it is not given.

        Raises:
            InputError: if the file does not exist or is not a complete checkpoint of a run.
        """
        load = super().load_checkpoint
        kwargs["weights_only"] = True
        checkpoint = read_checkpoint(
            expand_path(path, "ckpt_path"), "ckpt_path", lambda file: load(file, *args, **kwargs)
        )
        contents: dict[str, Any] = checkpoint["state_dict"] if BARE in checkpoint else checkpoint
        return contents


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint, and flush the copy to disk.

    Raises:
        RunEnded: if it cannot be written, as on a full disk; an earlier file is kept.
    """
    with written_whole(target) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file, 2**20)


@contextmanager
def written_whole(target: Path) -> Iterator[IO[bytes]]:
    """Context with a temporary file, which is flushed to disk and replaces ``target`` on success.

    Its name does not end as that of a checkpoint, for which a kill would leave it.

    Raises:
        RunEnded: if it cannot be written, as on a full disk; an earlier file is kept.
    """
    temporary = target.with_name(f".{target.name}.writing")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except (OSError, RuntimeError) as error:  # torch's writer raises a RuntimeError if the disk is full
        temporary.unlink(missing_ok=True)
        kept = "the earlier one is kept" if target.is_file() else "there is no earlier one"
        raise RunEnded(f"the checkpoint {target} cannot be written ({os_reason(error)}); {kept}") from error


def sync_folder(folder: Path) -> None:
    """Flush renames in ``folder`` to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
