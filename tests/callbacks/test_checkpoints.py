"""The last checkpoint; signals: ``tests/faults``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def stored(path: Path) -> dict[str, Any]:
    contents: dict[str, Any] = torch.load(path, weights_only=True)
    return contents


def test_states_are_kept_along_the_run_where_that_is_asked_for(tmp_path: Path) -> None:
    def kept(folder: str, max_steps: int, **kwargs: Any) -> dict[str, Path]:
        callback = LastCheckpoint(every_n_steps=4, **kwargs)
        trainer = tiny_trainer(tmp_path / folder, max_steps=max_steps, callbacks=[callback])
        trainer.fit(tiny_dcgan(), TinyData())
        return {path.stem: path for path in RunFolder(tmp_path / folder).all_checkpoints()}

    steps = kept("steps", 12, keep_every_n_steps=3)  # an epoch has five
    assert sorted(steps) == ["last", "step-0000003", "step-0000006", "step-0000009", "step-0000012"]
    assert [stored(path)["global_step"] for _, path in sorted(steps.items())] == [12, 3, 6, 9, 12]
    assert sorted(kept("validated", 12, keep_validated=True)) == [
        "last",
        "step-0000005",
        "step-0000010",
        "step-0000012",
    ]
    # A kept state is that of a run of as many steps.
    whole = stored(kept("three", 3)["last"])
    early = stored(steps["step-0000003"])
    assert all(torch.equal(value, early["state_dict"][name]) for name, value in whole["state_dict"].items())
    assert len(early["optimizer_states"]) == 2


@pytest.mark.parametrize("name", ["every_n_steps", "keep_every_n_steps"])
def test_last_checkpoint_refuses_a_negative_interval(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is -1"):
        LastCheckpoint(**{name: -1})  # type: ignore[arg-type]  # one argument is a bool
