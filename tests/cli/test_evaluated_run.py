"""Which model ``validate``, ``test`` and ``predict`` take: a trained one, unless another is asked for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lightning_gans import load
from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from tests.support.command_line import QUIET, SHORT, scores

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),  # where a run is a copy
]

OTHERS = ("validate", "predict")
TEST = ["test", "--config", "dcgan/digits", *SHORT]


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("subcommand", ["test", *(pytest.param(n, marks=pytest.mark.slow) for n in OTHERS)])
def test_without_a_checkpoint_the_newest_runs_best_is_taken(finished_run: Path, subcommand: str) -> None:
    cli = build([subcommand, *TEST[1:]])
    assert Path(cli.config[subcommand].ckpt_path) == finished_run / "checkpoints" / "best.ckpt"
    assert [path.name for path in finished_run.parent.iterdir()] == [finished_run.name]


def test_a_runs_own_config_means_that_run_from_anywhere(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finished_run.rename(finished_run.with_name("mine")).resolve()
    shutil.copytree(first, first.with_name("newer"), copy_function=shutil.copyfile)
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    config = "../runs/dcgan-digits/mine/config.yaml"
    build(["test", "--config", config, *QUIET])
    assert Path(results(first)["checkpoint"]).samefile(first / "checkpoints" / "best.ckpt")
    assert not list(Path().iterdir())
    assert not (first.with_name("newer") / "results.json").exists()
    build(["test", "--config", config, *QUIET, "--trainer.logger.save_dir", "here"])
    assert Path(results(Path("here/dcgan-digits/version_0"))["checkpoint"]).samefile(
        first / "checkpoints" / "best.ckpt"
    )


def test_a_runs_folder_is_a_checkpoint_the_best_or_else_the_last(finished_run: Path) -> None:
    (finished_run / "checkpoints" / "best.ckpt").unlink()
    build([*TEST, "--ckpt_path", str(finished_run)])
    assert results(finished_run)["checkpoint"] == str(finished_run / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("subcommand", ["test", *OTHERS])
def test_without_a_run_nothing_is_measured(subcommand: str) -> None:
    expected = rf"{subcommand} takes a trained model, but no run in runs/dcgan-digits has a checkpoint; .*path none"
    with pytest.raises(InputError, match=expected):
        build([subcommand, *TEST[1:]])
    with pytest.raises(InputError, match="but runs/dcgan-digits/mine does not have a checkpoint"):
        build([subcommand, *TEST[1:], "--trainer.logger.version", "mine"])
    assert not list(Path().iterdir())


def test_networks_without_training_are_measured_on_request_and_are_no_seeds_of_a_run(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build([*TEST, "--ckpt_path", "none"])
    untrained = finished_run.with_name("version_1")
    assert (results(untrained)["checkpoint"], scores(untrained)[0]["step"]) == (None, 0)
    build(TEST)
    assert scores(finished_run)[-1]["step"] > 0
    capsys.readouterr()
    run_command("table", ["runs"])
    assert re.findall(r"\| dcgan-digits \| DCGAN \| 1 \| (\d+) ", capsys.readouterr().out) == ["2", "0"]
    with pytest.raises(InputError, match=r"trainer\.logger\.version is 1, but .*version_1 has a run"):
        build([*TEST, "--ckpt_path", "none", "--trainer.logger.version", "1"])


def test_the_best_is_what_was_recorded_as_such_under_any_name(finished_run: Path) -> None:
    shutil.rmtree(finished_run)
    build(["fit", *TEST[1:], "--best.filename", "{epoch}-chosen", "--best.dirpath", "kept"])
    (best,) = Path("kept").iterdir()
    cli = build([*TEST, "--ckpt_path", "best"])
    assert Path(cli.config.test.ckpt_path).resolve() == best.resolve()
    step = json.loads((finished_run / "results.json").read_text())["measurements"][0]["step"]
    assert load(finished_run).metadata["step"] == step
    shutil.rmtree("kept")
    assert load(finished_run).metadata["step"] == 14
