"""Reading and writing checkpoints so that a kill loses nothing and a bad file is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lightning_gans.core.errors import RunEnded, os_reason
from lightning_gans.runs.checkpoint_file import read_checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary file in the same folder, then renames it: a reader sees the old or the new file.

    Lightning's own writer goes through ``$TMPDIR``; where that is another file system, a kill leaves a truncated file
    in the place of the last good one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write, flush to disk, rename.

        Raises:
            RunEnded: if it cannot be written, as on a full disk; a file that was there stays as it is.
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
        except (OSError, RuntimeError) as error:  # torch's writer tells of a full disk by a RuntimeError
            temporary.unlink(missing_ok=True)
            kept = "the one that is there is kept" if target.is_file() else "there is none yet"
            reason = os_reason(error)
            raise RunEnded(f"the checkpoint {target} cannot be written ({reason}); {kept}") from error

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load safely.

        Raises:
            InputError: if the file does not exist or does not hold a whole checkpoint of a run.
        """
        load = super().load_checkpoint
        return read_checkpoint(Path(path), "ckpt_path", lambda file: load(file, *args, **kwargs))


def sync_folder(folder: Path) -> None:
    """Let a rename in ``folder`` reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
