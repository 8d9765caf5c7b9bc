"""A run that saves at every step, for ``test_processes`` to kill: ``python -m tests.support.long_run FOLDER``.

Started again in the same folder it goes on, as the command line does with ``--ckpt_path auto``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from lightning_gans.callbacks import EMA, LastCheckpoint, Watchdog
from lightning_gans.callbacks.run_folder import RunLock
from lightning_gans.cli.ckpt_path import newest_readable_checkpoint
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

EPOCHS = 400


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    last = folder / "checkpoints" / "last.ckpt"
    callbacks = [RunLock(), Watchdog(), EMA(0.9), LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(folder, max_epochs=EPOCHS, limit_val_batches=0, callbacks=callbacks)
    trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=newest_readable_checkpoint(last) if last.is_file() else None)
    (folder / "finished").touch()


if __name__ == "__main__":
    main()
