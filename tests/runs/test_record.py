"""Facts about a checkpoint from the folder of its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightning_gans.runs.record import ModelMetadata, RunRecord, read_run_record
from lightning_gans.runs.scores import parse_complete_rows
from tests.support.scored_runs import score_row, scored_run


@pytest.mark.parametrize("step", [7, 9])
def test_grids_are_those_of_the_step_or_the_newest(step: int, tmp_path: Path) -> None:
    folder = scored_run(tmp_path)
    (folder / "samples").mkdir()
    for name in ("epoch-001-step-0000007-a", "epoch-001-step-0000007-b", "epoch-002-step-0000008-a"):
        (folder / "samples" / f"{name}.png").touch()
    grids = read_run_record(folder / "checkpoints" / "best.ckpt", {"step": step}).grids
    epoch = "epoch-001" if step == 7 else "epoch-002"
    assert [grid.path for grid in grids] == sorted((folder / "samples").glob(f"{epoch}-*.png"))


@pytest.mark.parametrize("damage", ["{", "[1]", "trainer: 3", "\udcff"])
def test_a_damaged_config_is_left_out(damage: str, tmp_path: Path) -> None:
    folder = scored_run(tmp_path)
    (folder / "config.yaml").write_bytes(damage.encode(errors="surrogateescape"))
    assert read_run_record(folder / "checkpoints" / "best.ckpt", {"step": 7}).settings == {}


def test_a_checkpoint_elsewhere_belongs_to_no_run(tmp_path: Path) -> None:
    folder = scored_run(tmp_path, score_row(1.25))
    metadata: ModelMetadata = {"step": 7, "weights": "ema"}
    assert read_run_record(folder / "checkpoints" / "best.ckpt", metadata).rows == parse_complete_rows(
        [score_row(1.25)]
    )
    assert read_run_record(folder / "kept" / "best.ckpt", metadata) == RunRecord()
