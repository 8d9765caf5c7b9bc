"""``lightning-gans study`` as a user meets it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from lightning_gans.cli import study_check
from lightning_gans.cli.commands.common import INTERRUPTED, command_line
from lightning_gans.cli.commands.study import make_parser
from lightning_gans.cli.step_cost import is_enough
from lightning_gans.studies import child, runner
from lightning_gans.studies.budget import BatchSizes
from lightning_gans.studies.study import Study
from tests.support.studies import FAKE, SEARCH, study_of

FOLDER = Path("runs/studies/small")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that take no second, and a parser that takes everything."""

    def check_study(study: Study, extra: list[str]) -> BatchSizes:
        return BatchSizes({(data.name, method.name): 4 for data in study.data for method in study.methods})

    monkeypatch.setattr(study_check, "check_study", check_study)
    monkeypatch.setattr(runner, "PROGRAM", FAKE)
    monkeypatch.setattr(child, "POLL_SECONDS", 0.01)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        command_line("study", arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("_made_up")
def test_a_study_ends_with_its_table_and_where_its_results_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(study_of(tmp_path, seeds=[0, 1], columns=["coverage"]).path)
    command_line("study", [path, "--dry-run"])
    assert "   3  two/seed-1: 10 steps, unknown until the first cell has run" in capsys.readouterr().out
    command_line("study", [path, "--jobs", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5].split() == ["method", "runs", "fid", "↓", "not", "told", "apart", "from", "coverage", "↑", "steps"]
    assert lines[-4].split()[:6] == ["1", "two", "2", "of", "2", "1.05"]
    assert lines[-2] == f"results: {FOLDER / 'study.md'}, {FOLDER / 'runs.csv'}"
    assert lines[-1] == f"page: {FOLDER / 'study.html'}"


@pytest.mark.slow
@pytest.mark.usefixtures("_made_up")
def test_cells_of_a_cluster_are_put_together_by_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(study_of(tmp_path, seeds=[0]).path)
    message = refused([path, "--results"], capsys)
    assert message == f"lightning-gans: error: no run of the study in {FOLDER} is complete\n"
    for number in ("0", "1"):
        command_line("study", [path, "--cell", number])
    command_line("study", [path, "--results"])
    assert f"page: {FOLDER / 'study.html'}" in capsys.readouterr().out
    bad = study_of(tmp_path, seeds=[0], methods={"x": {"config": "methods/hinge", "overrides": {"score": 13}}}).path
    with pytest.raises(SystemExit, match=r"^1$"):
        command_line("study", [str(bad), "--cell", "0"])


@pytest.mark.usefixtures("_made_up")
def test_a_wandb_sweep_runs_the_cells_and_gets_their_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(study_of(tmp_path, seeds=[0], **SEARCH).path)
    command_line("study", [path, "--root", "data", "--write-sweep", "sweep.yaml", "--", "--ema.decay=0.9"])
    content = yaml.safe_load(Path("sweep.yaml").read_text())
    assert content["metric"] == {"name": "test/fid", "goal": "minimize"}
    assert content["parameters"]["cell"]["values"] == list(range(6 + 4))
    arguments: list[str] = create_sweep_command_args({"args": {"cell": {"value": 3}}})["args"]
    command = [part for word in content["command"] for part in (arguments if word == "${args}" else [word])]
    assert command[:3] == ["${env}", "lightning-gans", "study"]
    options = make_parser().parse_args(command[3:])
    assert (options.file, options.cell, options.root, options.jobs) == (path, 3, ["data"], 1)
    assert options.fit_arguments == ["--ema.decay=0.9"]

    sent: list[Any] = []

    class Run:
        summary: dict[str, float] = {}  # noqa: RUF012

        def __enter__(self) -> Run:
            return self

        def __exit__(self, *_: object) -> None:
            sent.append(self.summary)

        def log(self, values: dict[str, float], step: int) -> None:
            sent.append((step, values["val/fid"]))

    def init(**given: Any) -> Run:
        sent.append((given["name"], given["group"], given["config"]["method"]))
        return Run()

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    plain = str(study_of(tmp_path, seeds=[0]).path)
    command_line("study", [plain, "--name", "other", "--cell", "1"])
    assert sent == [("two/seed-0", "small", "two"), (5, 2.0), (10, 1.0), {"test/fid": 1.0, "test/coverage": 0.5}]


@pytest.mark.usefixtures("_made_up")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "--jobs is 0; expected at least 1"),
        (["--jobs", "100000"], "--jobs is 100000; expected from 1 to "),
        (["--cell", "9"], "--cell is 9; expected from 0 to 5, the study's cells"),
        (["--root", "b=x"], "--root is b=x, but the study has no data b; expected a"),
    ],
)
def test_a_bad_option_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(study_of(tmp_path, data={"a": "data/digits"}).path)
    assert refused([path, *arguments], capsys).startswith(f"lightning-gans: error: {message}")


def test_a_measurement_is_long_enough_for_lazy_penalties_and_ends_for_slow_steps() -> None:
    assert not is_enough(47, 50)
    assert not is_enough(48, 3.9)
    assert is_enough(48, 4.0)
    assert not is_enough(15, 100)
    assert is_enough(16, 60)


SMALL = {
    **{"data.batch_size": 64, "data.eval_batch_size": 50, "evaluation.neighbors": 2, "samples.count": 4},
    **{"model.generator.width": 2, "model.generator.dense": 8, "model.discriminator.width": 2},
    **{"model.discriminator.dense": 8, "trainer.limit_val_batches": 2, "trainer.limit_test_batches": 2},
}
"""Overrides that make runs of the configs of methods short."""


def run_study(folder: Path, path: Path, stop: Callable[[], bool] | None = None) -> str:
    """Run a study of real fits in a folder, and stop it with SIGTERM once ``stop`` says so."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "lightning_gans", "study", str(path), "--jobs", "1"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        stopped = False
        while stop is not None and not stopped and process.poll() is None:
            if stopped := stop():
                process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        said = process.communicate()[0]
    assert process.returncode == (INTERRUPTED if stopped else 0)
    return said


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_study_that_is_stopped_and_run_again_has_the_table_of_an_undisturbed_one(tmp_path: Path) -> None:
    methods = {"minimax": "methods/minimax", "hinge": "methods/hinge"}
    study = study_of(tmp_path, methods=methods, seeds=[0, 1], budget={"steps": 2}, validations=2, overrides=SMALL)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_study(whole, study.path)
    first = stopped / FOLDER / "minimax" / "seed-0"
    assert "interrupted; run the same command again to continue" in run_study(
        stopped, study.path, lambda: (first / "checkpoints" / "last.ckpt").is_file()
    )
    assert not (first / "results.json").is_file()
    run_study(stopped, study.path)
    assert (stopped / FOLDER / "runs.csv").read_text() == (whole / FOLDER / "runs.csv").read_text()
    tables = [
        (folder / FOLDER / "study.md").read_text().partition("## What they took")[0] for folder in (whole, stopped)
    ]
    assert tables[0] == tables[1]
    assert "| 2 of 2 |" in tables[0]
