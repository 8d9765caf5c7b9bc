from __future__ import annotations

from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.demo.run_tab import curves, grid_picture, newest_scores, scores_text, timeline
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.record import ModelMetadata
from tests.support import checkpoint_files
from tests.support.demo_runs import latent_run, translation_run


def test_grids_are_found_in_order_by_domain(tmp_path: Path) -> None:
    moments = timeline(RunFolder(translation_run(tmp_path)))
    assert [str(moment) for moment in moments] == ["epoch 1, step 5", "epoch 2, step 10", "epoch 3, step 15"]
    assert [list(moment.grids) for moment in moments] == [["a", "b"]] * 3
    assert grid_picture(moments[1].grids["b"]).getpixel((0, 0)) == (160, 100, 0)


def test_a_damaged_grid_is_named(tmp_path: Path) -> None:
    (tmp_path / "epoch-001-step-0000005.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"the grid epoch-001-step-0000005\.png cannot be read"):
        grid_picture(tmp_path / "epoch-001-step-0000005.png")


def test_curves_are_those_of_the_log_now(tmp_path: Path) -> None:
    drawn = curves(RunFolder(latent_run(tmp_path)))
    assert drawn is not None
    assert drawn.width > 300
    (tmp_path / "metrics.csv").write_text("")
    assert curves(RunFolder(tmp_path)) is None


def test_scores_stand_with_their_stamps(tmp_path: Path) -> None:
    row = {"step": 7, "epoch": 2, "scores": {"val/fid": 3.5}, "stamp": checkpoint_files.STAMP}
    known: ModelMetadata = {"scores": [row]}
    text = scores_text(newest_scores(RunFolder(latent_run(tmp_path)), known))
    assert "**step 7, epoch 2**" in text
    assert "| val/fid |" in text
    assert "| 4.25 |" in text
    assert "`digits | 10 real, 10 generated | split val |" in text
    incomplete: ModelMetadata = {"scores": [{"scores": {"val/fid": 3.5}, "stamp": {"extractor": "digits"}}]}
    assert scores_text(newest_scores(None, incomplete)) == "No scores are known."
    assert scores_text(newest_scores(None, {})) == "No scores are known."
