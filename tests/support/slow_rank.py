"""``predict`` on two processes, of which the second is slow and has more to do afterwards; for ``test_processes``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch import Callback

from lightning_gans.callbacks import PredictionWriter
from lightning_gans.distributed.strategy import AlternatingDDP
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

LATER = 5.0
"""Seconds that rank 1 needs longer than rank 0: more than twice the interval at which it looks for its parent."""


class Slow(Callback):
    """Lets rank 1 wait before it generates its second batch."""

    def on_predict_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if trainer.global_rank == 1 and batch_idx == 1:
            time.sleep(LATER)


def main() -> None:
    folder = Path(sys.argv[1])
    callbacks = [Slow(), PredictionWriter(folder / "predictions")]
    trainer = tiny_trainer(folder, devices=2, strategy=AlternatingDDP(), callbacks=callbacks)
    trainer.predict(tiny_dcgan(), TinyData(), return_predictions=False)
    if trainer.global_rank == 0:
        (folder / "seen by rank 0").write_text(str(len(list((folder / "predictions").iterdir()))))
    else:
        time.sleep(LATER)
        (folder / "rank 1 went on").touch()


if __name__ == "__main__":
    main()
