"""A run's folder belongs to one run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from lightning_gans.callbacks.run_folder import lock_folder
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder
from lightning_gans.runs.curves import read_log
from lightning_gans.runs.folder import RunFolder
from tests.support.command_line import QUIET, SHORT, scores

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),  # where a run is a copy
]

FIT = ["fit", "--config", "dcgan/digits", *SHORT]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_fit_under_one_name_is_refused_and_destroys_nothing(finished_run: Path) -> None:
    before = contents(finished_run)
    for more in ([], ["--ckpt_path", "best"], ["--ckpt_path", str(finished_run / "checkpoints" / "best.ckpt")]):
        with pytest.raises(
            InputError,
            match=r"version is 0, but (.*version_0) has a run; resume it with `lightning-gans fit --resume \1`",
        ):
            build([*FIT, "--trainer.logger.version", "0", *more])
    assert contents(finished_run) == before
    shutil.copytree(finished_run, "mine")
    with pytest.raises(InputError, match=r"trainer\.default_root_dir is mine, but .*mine has a run"):
        build([*FIT, "--trainer.logger", "false", "--trainer.default_root_dir", "mine"])


def test_a_run_that_did_not_save_starts_again_with_auto_and_mixes_no_rows(finished_run: Path) -> None:
    mine = finished_run.rename(finished_run.with_name("mine"))
    shutil.rmtree(mine / "checkpoints")
    before = contents(mine)
    with pytest.warns(UserWarning, match=r"mine was ended before its first checkpoint.* now in .*mine/interrupted-1"):
        build([*FIT, "--trainer.logger.version", "mine", "--ckpt_path", "auto"])
    assert contents(mine / "interrupted-1") == {name: data for name, data in before.items() if name != ".lock"}
    assert [row["step"] for row in scores(mine)] == [7, 14]
    assert read_log(mine / "metrics.csv")["val/fid"].steps == [7, 14]
    assert not (mine / "config-2.yaml").exists()
    with pytest.raises(InputError, match="has a run"):
        build([*FIT, "--trainer.logger.version", "mine"])


def test_auto_sets_nothing_aside_while_the_first_attempt_is_under_way(finished_run: Path) -> None:
    shutil.rmtree(finished_run / "checkpoints")
    with lock_folder(RunFolder(finished_run)):
        before = contents(finished_run)
        with pytest.raises(InputError, match="version_0 is in progress"):
            build([*FIT, "--trainer.logger.version", "0", "--ckpt_path", "auto"])
        assert contents(finished_run) == before


def test_the_defaults_are_read_where_the_packages_folder_has_brackets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "env[1]"
    folder.mkdir()
    base = (config_folder() / "base.yaml").read_text()
    (folder / "base.yaml").write_text(base.replace("num_sanity_val_steps: 0", "num_sanity_val_steps: 77"))
    monkeypatch.setattr("lightning_gans.cli.train.config_folder", lambda: folder)
    with pytest.raises(SystemExit):
        build(["fit", "--config", "dcgan/digits", "--print_config"])
    assert "num_sanity_val_steps: 77" in capsys.readouterr().out


@pytest.mark.parametrize(
    "version", ["seed[1]", *(pytest.param(name, marks=pytest.mark.slow) for name in ("seed*", "[!x]eed?"))]
)
def test_a_version_name_is_no_pattern(finished_run: Path, version: str) -> None:
    other = finished_run.rename(finished_run.with_name("seed1"))
    run = finished_run.with_name(version)
    with pytest.raises(InputError, match=r"ckpt_path is last, but runs/.* does not have one"):
        build([*FIT, "--trainer.logger.version", version, "--ckpt_path", "last"])
    before = contents(other)
    shutil.copytree(other, run)
    for checkpoint in (run / "checkpoints").iterdir():
        state = torch.load(checkpoint)
        torch.save({**state, "run_seed": 7}, checkpoint)
    with pytest.raises(InputError, match="seed_everything is 0 here but 7 in the checkpoint"):
        build([*FIT, "--trainer.max_epochs", "3", "--trainer.logger.version", version, "--ckpt_path", "last"])
    build(["test", "--config", str(run / "config.yaml"), *QUIET, "--ckpt_path", "best"])
    assert [row["step"] for row in scores(run)] == [7, 14, 7]
    assert contents(other) == before


def test_an_evaluation_of_another_model_is_not_written_into_a_runs_folder(finished_run: Path) -> None:
    other = finished_run.with_name("other")
    shutil.copytree(finished_run, other)
    before = contents(other)
    best = str(finished_run / "checkpoints" / "best.ckpt")
    for subcommand in ("test", "validate"):
        for more in (["--ckpt_path", "none"], ["--ckpt_path", best]):
            with pytest.raises(InputError, match=r"trainer\.logger\.version is other, but .*other has a run"):
                build([subcommand, "--config", "dcgan/digits", *SHORT, "--trainer.logger.version", "other", *more])
    assert contents(other) == before


@pytest.mark.slow
def test_a_fit_from_a_run_in_a_folder_of_its_own_does_not_continue_its_wandb_run(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finished_run / "wandb.json").write_text('["first"]')
    recalled: list[object] = []
    monkeypatch.setattr("lightning_gans.cli.ckpt_path.recall_wandb_runs", lambda *given: recalled.append(given))
    last = str(finished_run / "checkpoints" / "last.ckpt")
    build([*FIT, "--trainer.max_epochs", "3", "--trainer.logger.version", "fork", "--ckpt_path", last])
    assert not recalled
    assert Path("runs/dcgan-digits/fork/checkpoints/last.ckpt").is_file()
