"""``test --ckpt_path all``: the scores of every checkpoint of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow
from tests.support.command_line import SHORT, scores

ALL = ["dcgan/digits", *SHORT, "--ckpt_path", "all"]


@pytest.mark.slow
def test_each_step_is_tested_once_and_the_best_at_the_end(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(finished_run)
    build(["fit", "dcgan/digits", *SHORT, "--last.keep_every_n_steps", "4"])
    run = RunFolder(finished_run)
    assert [path.stem for path in run.all_checkpoints()] == ["best", "last", *(f"step-{n:07d}" for n in (4, 8, 12))]
    best = min(run.read_scores(), key=lambda row: row.scores["val/fid"]).step
    assert best in (7, 14)
    others = sorted({4, 7, 8, 12, 14} - {best} - ({7} if best == 14 else set()))
    capsys.readouterr()
    build(["test", *ALL])
    printed = capsys.readouterr().out.splitlines()
    rows = [row for row in run.read_scores() if row.split == "test"]
    assert [row.step for row in rows] == [*others, best]
    assert [row.images_seen for row in rows] == [256 * (row.step or 0) for row in rows]
    in_order = sorted(rows, key=lambda row: row.step or 0)
    seconds = [row.train_seconds or 0 for row in in_order]
    assert seconds[0] > 0
    assert seconds == sorted(seconds)
    assert len({row.stamp.key for row in rows}) == 1
    assert printed[0].split() == ["step", "images", "minutes", "test/fid"]
    shown = [(str(row.step), f"{256 * (row.step or 0):,}", f"{row.scores['test/fid']:.4g}") for row in in_order]
    assert [(step, images, fid) for step, images, _, fid in map(str.split, printed[1 : 1 + len(rows)])] == shown

    results = json.loads((finished_run / "results.json").read_text())
    assert [ScoreRow.from_dict(row) for row in results["measurements"]] == rows
    assert results["checkpoint"] == results["checkpoints"][-1] == str(finished_run / "checkpoints" / "best.ckpt")
    assert [Path(path).stem for path in results["checkpoints"][:2]] == ["step-0000004", "step-0000008"]
    assert not list(finished_run.glob("results-*.json"))
    run_command("table", ["runs"])
    table = capsys.readouterr().out
    assert f"{rows[-1].scores['test/fid']:.4g}" in table

    build(["test", *ALL[:-1], str(finished_run / "checkpoints" / "step-0000004.ckpt")])
    assert run.read_scores()[-1] == rows[0]
    assert (finished_run / "results-1.json").is_file()


def test_a_damaged_checkpoint_is_left_out_and_validation_takes_all_too(finished_run: Path) -> None:
    checkpoints = finished_run / "checkpoints"
    (checkpoints / "step-0000003.ckpt").write_bytes(b"half a checkp")
    with pytest.warns(UserWarning, match=r"step-0000003\.ckpt is no whole checkpoint; it is left out"):
        build(["validate", *ALL])
    steps = sorted(int(line["step"]) for line in scores(finished_run)[2:])
    assert steps == sorted({7, 14} if RunFolder(finished_run).checkpoint("best").is_file() else {14})


def test_a_run_that_kept_none_is_named_and_a_fit_takes_one(finished_run: Path) -> None:
    with pytest.raises(InputError, match=r"ckpt_path is all, but runs/dcgan-digits/version_0 has kept no .*keep_every"):
        build(["test", *ALL])
    for subcommand in ("fit", "predict"):
        with pytest.raises(InputError, match=f"ckpt_path is all, but {subcommand} takes one checkpoint"):
            build([subcommand, *ALL])
    assert len(scores(finished_run)) == 2
    shutil.rmtree(finished_run)
    with pytest.raises(
        InputError, match="test takes a trained model, but no run in runs/dcgan-digits has a checkpoint"
    ):
        build(["test", *ALL])
