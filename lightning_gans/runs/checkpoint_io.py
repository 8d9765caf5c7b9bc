"""Reads checkpoints safely, and writes them so that a kill does not damage an earlier file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lightning_gans.core.errors import RunEnded, os_reason
from lightning_gans.runs.checkpoint_file import read_checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary file in the same folder, then renames it: readers see the old or the new file.

    Lightning's own writer uses a temporary file in ``$TMPDIR``. If that is on another file system, a kill while the
    file is copied leaves a truncated one in place of the last good one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint and flush it to disk.

        Raises:
            RunEnded: if it cannot be written, as on a full disk; an earlier file is kept.
        """
        target = Path(path)
        temporary = target.with_name(f".{target.name}.writing")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            sync_folder(target.parent)
        except (OSError, RuntimeError) as error:  # torch's writer raises a RuntimeError if the disk is full
            temporary.unlink(missing_ok=True)
            kept = "the earlier one is kept" if target.is_file() else "there is no earlier one"
            reason = os_reason(error)
            raise RunEnded(f"the checkpoint {target} cannot be written ({reason}); {kept}") from error

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint; see :func:`.read_checkpoint`.

        Raises:
            InputError: if the file does not exist or is not a complete checkpoint of a run.
        """
        load = super().load_checkpoint
        return read_checkpoint(Path(path), "ckpt_path", lambda file: load(file, *args, **kwargs))


def sync_folder(folder: Path) -> None:
    """Flush renames in ``folder`` to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
