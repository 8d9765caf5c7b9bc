"""Reading and writing checkpoints so that a kill loses nothing and a bad file is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

from lightning_gans.errors import InputError


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary file in the same folder, then renames it: a reader sees the old or the new file.

    Lightning's own writer goes through ``$TMPDIR``; where that is another file system, a kill leaves a truncated file
    in the place of the last good one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write, flush to disk, rename."""
        target = Path(path)
        temporary = target.with_name(f".{target.name}.writing")
        super().save_checkpoint(checkpoint, temporary, storage_options)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load safely.

        Raises:
            InputError: if the file does not exist or does not hold a checkpoint.
        """
        if not Path(path).is_file():
            raise InputError(f"ckpt_path is {path}, which does not exist; expected a checkpoint file")
        try:
            checkpoint: dict[str, Any] = super().load_checkpoint(path, *args, **kwargs)
        except Exception as error:  # what a foreign file raises depends on its bytes
            raise InputError(
                f"ckpt_path is {path}, which cannot be read as a checkpoint ({type(error).__name__}: it is truncated, "
                "another kind of file, or carries code); give a whole one"
            ) from error
        return checkpoint
