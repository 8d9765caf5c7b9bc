"""One run at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import TextIO

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import RunFolder, writes_files


class RunLock(Callback):
    """Keeps a second ``fit`` out of the folder of a run that is under way.

    The lock is the system's and ends with the process, however that ends; the file ``.lock`` only says who holds it.
    """

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the lock.

        Raises:
            InputError: if another process has it.
        """
        if stage != "fit" or not trainer.is_global_zero or not writes_files(trainer):
            return
        path = RunFolder.of(trainer).lock
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise InputError(
                f"the run in {path.parent} is under way ({holder}); expected its end, or a run of its own "
                "(trainer.logger.version)"
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        self._file = file

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the lock back."""
        self._give_back()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the lock back."""
        self._give_back()

    def _give_back(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
