"""Reading and writing checkpoints so that a kill loses nothing and a bad file is named."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lightning_gans.errors import InputError, RunEnded

OURS = ("state_dict", "global_step", "epoch", "loops")
"""What a checkpoint of a training run has."""


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
        if not Path(path).is_file():
            raise InputError(f"ckpt_path is {path}, which does not exist; expected a checkpoint file")
        try:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()  # torch itself does not look at the sums that it writes
            checkpoint: dict[str, Any] = super().load_checkpoint(path, *args, **kwargs)
        except Exception as error:  # what a foreign file raises depends on its bytes
            raise InputError(
                f"ckpt_path is {path}, which cannot be read as a checkpoint ({type(error).__name__}: it is truncated, "
                "another kind of file, or carries code); give a whole one"
            ) from error
        if damaged is not None:
            raise InputError(f"ckpt_path is {path}, which is damaged in {damaged}; give a whole one")
        missing = [key for key in OURS if not isinstance(checkpoint, dict) or key not in checkpoint]
        if missing:
            raise InputError(
                f"ckpt_path is {path}, which has no {missing[0]}; expected a checkpoint that a run of "
                "lightning-gans has written"
            )
        return checkpoint


def sync_folder(folder: Path) -> None:
    """Let a rename in ``folder`` reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def os_reason(error: BaseException) -> str:
    """What the system said, where an error or one that it comes from is the system's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error).splitlines()[0]
