"""The last checkpoint; signals: ``tests/faults``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_gans.callbacks import Evaluation, LastCheckpoint
from lightning_gans.runs.folder import RunFolder
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


def test_best_and_last_checkpoints_are_both_kept(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/fid")
    trainer = tiny_trainer(tmp_path, max_epochs=4, callbacks=[Evaluation(), best, LastCheckpoint()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    fids = {row.step: row.scores["val/fid"] for row in RunFolder(tmp_path).read_scores()}
    stored = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["global_step"]
    assert stored == min(fids, key=lambda step: fids[step])


def test_last_checkpoint_refuses_a_negative_interval() -> None:
    with pytest.raises(ValueError, match=r"^every_n_steps is -1"):
        LastCheckpoint(every_n_steps=-1)
