"""The watchdog on two processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks import LastCheckpoint, Watchdog, symptoms
from lightning_gans.callbacks.watchdog import Diverged
from lightning_gans.distributed.strategy import AlternatingDDP
from tests.callbacks.test_watchdog import Scripted
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, last_checkpoint, tiny_dcgan, tiny_trainer


class SpoilOne(Callback):
    """Spoils a loss on one rank, after the gradients of all ranks were averaged: the others' numbers stay finite."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 4 and trainer.global_rank == 1:
            pl_module.losses["g"] = torch.tensor(float("nan"))


def two_processes(folder: Path) -> None:
    """One rank of a run whose ranks see different spreads and end in a loss that is not finite on one of them."""
    symptoms.FIRST_STEP = 0
    torch.set_num_threads(1)
    ratio = 0.9 if int(os.environ.get("LOCAL_RANK", "0")) else 0.1
    callbacks: list[Callback] = [
        Scripted([ratio] * 9),
        SpoilOne(),
        Watchdog(window=2),
        LastCheckpoint(every_n_steps=1),
    ]
    trainer = tiny_trainer(
        folder, devices=2, max_steps=9, strategy=AlternatingDDP(), callbacks=callbacks, log_every_n_steps=3
    )
    try:
        trainer.fit(tiny_dcgan(), TinyData(batch_size=2))
    except Diverged as error:
        (folder / f"rank{trainer.global_rank}.txt").write_text(str(error))


@pytest.mark.slow
def test_all_processes_stop_together(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.callbacks.test_watchdog_processes", str(tmp_path)]
    environment = {**os.environ, "PL_GLOBAL_SEED": "0", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / f"rank{rank}.txt").read_text() for rank in range(2))
    assert "at step 4: a loss or a weight of another process is not finite" in first
    assert "at step 4: loss/g is nan" in second
    stored = last_checkpoint(tmp_path)
    assert stored["global_step"] == 3
    assert stored["callbacks"]["Watchdog"]["diagnosis"]["windows"]["variance_ratio"] == [pytest.approx(0.5)]


if __name__ == "__main__":
    two_processes(Path(sys.argv[1]))
