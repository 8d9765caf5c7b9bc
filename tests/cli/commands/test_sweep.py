"""``lightning-gans sweep`` as a user meets it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lightning_gans.cli import sweep_check
from lightning_gans.cli.commands.common import command_line
from lightning_gans.sweeps import trials
from tests.support.paths import ROOT
from tests.sweeps.test_report import read_csv
from tests.sweeps.test_trials import FAKE
from tests.sweeps.test_wandb_file import written

TINY = ["--trainer.max_epochs=2", "--trainer.limit_train_batches=2", "--trainer.check_val_every_n_epoch=1"]
TINY += ["--trainer.enable_model_summary=false", "--model.discriminator.width=4", "--samples.count=0"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_a_sweep_of_real_fits_ends_with_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["lightning-gans", "fit", "--config", "dcgan/digits", "--config", "logger/wandb", "${args}"]
    path = written(
        tmp_path,
        method="grid",
        # The parser takes -1, the network does not.
        parameters={"model.generator.width": {"values": [4, -1]}, "ema.decay": {"value": 0.5}},
        command=command,
    )
    command_line("sweep", [str(path), "--name", "widths", "--", *TINY])
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0] == "study: widths in runs/sweeps/widths/journal.log, 0 of 2 trials finished"
    folder = Path("runs/sweeps/widths")
    rows = read_csv(folder / "table.csv")
    assert [(row["rank"], row["state"], row["model.generator.width"]) for row in rows] == [
        ("1", "complete", "4"),
        ("", "failed", "-1"),
    ]
    assert "trial 1 failed: lightning-gans: error: " in said
    assert "width" in next(line for line in lines if line.startswith("trial 1 failed"))
    assert lines[-2] == f"table: {folder / 'table.md'}, {folder / 'table.csv'}"
    assert lines[-1] == "importance: one parameter is varied, so there is nothing to compare it with"

    # What was optimised is the best of what the run wrote, and what W&B would take for its result.
    run = folder / "trial-0000" / "dcgan-digits" / "version_0"
    scores = [json.loads(line)["scores"]["val/fid"] for line in (run / "scores.jsonl").read_text().splitlines()]
    assert len(scores) == 2
    assert float(rows[0]["best fid"]) == min(scores)
    logged = [row["best/fid"] for row in read_csv(run / "metrics.csv") if row["best/fid"]]
    assert [float(value) for value in logged] == pytest.approx([scores[0], min(scores)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "sweep is nothing, which is neither a file nor a shipped sweep; shipped are sweeps/"),
        (["random", "--runs", "0"], "--runs is 0; expected at least 1"),
        (["random", "--sampler", "grid"], "parameters.model.optimizer_g.lr has infinitely many values; expected value"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line("sweep", arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"lightning-gans: error: {message}")
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("trial-*"))


@pytest.mark.parametrize(
    ("parameter", "extra", "message"),
    [
        ("ema.decay", ["--", "--trainer.max_epoch", "3"], "trainer.max_epoch is not a known key; did you mean"),
        pytest.param(
            "model.optimiser_g.lr", [], "optimiser_g.lr is not a known key; did you mean", marks=pytest.mark.slow
        ),
    ],
)
def test_a_key_that_is_none_is_refused_before_the_first_trial(
    parameter: str,
    extra: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if extra:  # one of the two in this process, which has imported torch
        monkeypatch.setattr("lightning_gans.cli.sweep_check.subprocess.run", check_here)
    path = written(tmp_path, parameters={parameter: {"min": 0.1, "max": 0.9}})
    with pytest.raises(SystemExit) as ended:
        command_line("sweep", [str(path), *extra])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"lightning-gans: error: {message}")
    assert error.endswith(f"(in {path})\n")
    assert not list(tmp_path.rglob("journal.log"))


def check_here(command: list[str], input: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """``python -m lightning_gans.cli.sweep_check`` without a process of its own."""
    assert command[1:] == ["-m", "lightning_gans.cli.sweep_check"]
    said = io.StringIO()
    with (
        mock.patch("sys.stdin", io.StringIO(input)),
        contextlib.redirect_stderr(said),
        mock.patch("lightning_gans.training.filter_warnings"),
        mock.patch("sys.path", list(sys.path)),
    ):
        try:
            sweep_check.main()
        except SystemExit as ended:
            return subprocess.CompletedProcess(command, int(str(ended.code)), "", said.getvalue())
    return subprocess.CompletedProcess(command, 0, "", said.getvalue())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGTERM, signal.SIGHUP))]
)
def test_an_interrupted_sweep_says_how_to_go_on_and_does(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trials, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(trials, "COMMAND", FAKE)
    monkeypatch.setattr("lightning_gans.cli.sweep_check.check_with_parser", lambda sweep, extra: None)
    # The second fit writes its score and then sleeps.
    path = written(tmp_path, method="grid", parameters={"x": {"values": [1, 15]}})
    command = [str(path), "--name", "s", "--storage", "sqlite:///study.db"]

    def interrupt_second_trial() -> None:
        while not list(Path("runs").glob("sweeps/s/trial-0001/**/waiting")):
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt_second_trial, daemon=True).start()
    with pytest.raises(SystemExit) as ended:
        command_line("sweep", command)
    assert ended.value.code == 130
    said = capsys.readouterr().out
    assert said.endswith("interrupted after 1 of 2 trials; run the same command again to continue\n")
    assert "   1      0" in said
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    monkeypatch.setattr(trials, "COMMAND", [*FAKE, "--ends"])
    command_line("sweep", command)
    said = capsys.readouterr().out
    assert said.startswith("study: s in sqlite:///study.db, 1 of 2 trials finished\ntrial 2: x=15\n")
    assert [row["x"] for row in read_csv(Path("runs/sweeps/s/table.csv"))] == ["1", "15"]


def python(code: str, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_loads_neither_optuna_nor_torch() -> None:
    code = "import sys; from lightning_gans.__main__ import main; sys.argv = ['lightning-gans', 'sweep', '--help']\n"
    code += "try: main()\nexcept SystemExit: print(sorted({'optuna', 'torch', 'lightning'} & set(sys.modules)))"
    done = python(code)
    assert "usage: lightning-gans sweep" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
