"""Studies of many trials, with a command that takes no time in place of a fit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from lightning_gans.core.errors import InputError
from lightning_gans.sweeps import study as studies
from lightning_gans.sweeps import trials
from lightning_gans.sweeps.interruption import NEVER, Interruption
from lightning_gans.sweeps.study import SAMPLERS, finished, open_storage, open_study
from lightning_gans.sweeps.trials import run_trials
from lightning_gans.sweeps.wandb_file import Sweep, read_sweep
from tests.support.paths import ROOT
from tests.support.stamps import stamp_dict
from tests.sweeps.test_wandb_file import written

FAKE = [sys.executable, str(ROOT / "tests" / "support" / "fake_fit.py")]


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trials, "POLL_SECONDS", 0.02)
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def sweep_over(folder: Path, method: str = "random", x: Any = None, **changes: Any) -> Sweep:
    parameters = {"x": x or {"min": 0.0, "max": 1.0}, **changes.pop("parameters", {})}
    return read_sweep(written(folder, method=method, parameters=parameters, **changes))


def opened(sweep: Sweep, storage: str = "journal.log", name: str = "s", extra: list[str] | None = None) -> Study:
    return open_study(open_storage(storage), name, sweep, SAMPLERS[sweep.method], extra or [], 0)


def run(sweep: Sweep, runs: int, storage: str = "journal.log", **given: Any) -> tuple[Study, list[str]]:
    """The study after as many runs, and what was said."""
    said: list[str] = []
    study = opened(sweep, storage, given.pop("name", "s"))
    grid = sweep.method == "grid"
    extra = given.pop("extra", [])
    run_trials(study, sweep, Path("runs/s"), runs, grid, extra, said.append, FAKE, given.pop("interruption", NEVER))
    return study, said


def values(study: Study, key: str = "x") -> list[Any]:
    return [trial.params[key] for trial in finished(study)]


# Trials.


def test_a_trial_is_a_fit_with_what_was_drawn_whose_best_score_counts(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path, parameters={"validations": {"value": 4}})
    study, said = run(sweep, 2, extra=["--last=1"])
    for trial in study.trials:
        assert trial.state == TrialState.COMPLETE
        assert trial.value == trial.params["x"] + 6 / 4
        assert trial.intermediate_values == {k: trial.params["x"] + 6 / k for k in (1, 2, 3, 4)}
        assert trial.user_attrs["step"] == 40
        folder = Path(trial.user_attrs["folder"])
        assert folder == Path(f"runs/s/trial-{trial.number:04d}")
        assert json.loads((folder / "fake/version_0/arguments.json").read_text()) == [
            "--trainer.enable_progress_bar=false",
            "--config",
            "dcgan/digits",
            f"--x={trial.params['x']}",
            "--validations=4",
            "--best.monitor=val/fid",
            "--best.mode=min",
            "--last=1",
            f"--trainer.logger.save_dir={folder}",
        ]
        assert (folder / "fake/version_0/trial").read_text() == f"s {trial.number}"
    assert [line.split(":")[0] for line in said] == ["trial 0", "trial 0", "trial 1", "trial 1"]
    assert said[0] == f"trial 0: x={study.trials[0].params['x']}"
    assert "at step 40" in said[1]


def test_a_failed_trial_does_not_end_the_sweep_and_says_why(tmp_path: Path) -> None:
    study, said = run(sweep_over(tmp_path, "grid", {"values": [1, 13, 14, 2]}), 4)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs["error"] == "lightning-gans: the loss is not finite"
    assert study.trials[2].user_attrs["error"] == "it ended without a val/fid"
    assert study.best_params == {"x": "1"}
    assert any(line.startswith("trial 1: failed: lightning-gans: the loss is not finite") for line in said)


def test_more_may_be_better(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path, "grid", {"values": [1, 2]}, metric={"name": "best/fid", "goal": "maximize"})
    study, _ = run(sweep, 2)
    assert study.best_value == 2 + 6
    assert study.best_trial.user_attrs["step"] == 10


# Pruning.


def test_runs_behind_at_a_bracket_end_early(tmp_path: Path) -> None:
    halving = {"type": "hyperband", "min_iter": 2, "eta": 2}
    pause = {"validations": {"value": 8}, "pause": {"value": 0.15}}
    sweep = sweep_over(tmp_path, "grid", {"values": [1, 9, 0]}, early_terminate=halving, parameters=pause)
    study, said = run(sweep, 3)
    first, worse, better = study.trials
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    assert max(first.intermediate_values) == max(better.intermediate_values) == 8
    # Its second validation is the first bracket: there it is stopped, and its scores until then stay.
    assert 2 <= max(worse.intermediate_values) < 8
    assert worse.user_attrs["best"] == 9 + 6 / max(worse.intermediate_values)
    assert any("(pruned)" in line for line in said)


def test_without_early_terminate_every_run_ends_by_itself(tmp_path: Path) -> None:
    study, _ = run(sweep_over(tmp_path, "grid", {"values": [1, 9]}, parameters={"pause": {"value": 0.05}}), 2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE"]


def test_a_run_that_does_not_listen_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "TERMINATE_SECONDS", 0.2)
    # It never ends by itself: that the trial does is the proof.
    ignoring = (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\n"
        "while True: signal.pause()"
    )
    log = tmp_path / "t" / "output.log"
    ended = trials.run_trial(
        [], tmp_path / "t", "fid", lambda _: "on" in log.read_text(), [sys.executable, "-c", ignoring]
    )
    assert ended.pruned


def test_half_a_line_and_what_is_no_number_are_left_out(tmp_path: Path) -> None:
    rows = [
        *(
            json.dumps({"step": step, "scores": scores, "stamp": stamp_dict()})
            for step, scores in enumerate([{"val/fid": 3.0}, {"val/fid": float("nan")}, {"test/fid": 1.0}], start=1)
        ),
        '{"step": 4, "sco',
    ]
    (tmp_path / "scores.jsonl").write_text("\n".join(rows))
    assert trials.read_scores(tmp_path, "fid") == [(3.0, 1)]


# Going on.


@pytest.mark.slow
def test_a_signal_within_a_transaction_waits_for_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, written = sweep_over(tmp_path, "grid", {"values": [1, 2]}), []
    report = optuna.trial.Trial.report

    def interrupted(self: optuna.trial.Trial, value: float, step: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        report(self, value, step)
        written.append(value)

    monkeypatch.setattr(optuna.trial.Trial, "report", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        run(sweep, 2, "sqlite:///study.db", interruption=interruption)
    assert written
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    study, _ = run(sweep, 2, "sqlite:///study.db")
    assert sorted(values(study)) == ["1", "2"]


def test_a_study_goes_on_to_the_number_that_is_asked_for(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path)
    assert len(values(run(sweep, 2)[0])) == 2
    assert len(values(run(sweep, 2)[0])) == 2
    study, _ = run(sweep, 5)
    assert len(set(values(study))) == 5


def test_draws_depend_on_the_trial_alone(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path)
    at_once, _ = run(sweep, 4, name="at once")
    run(sweep, 1, name="in parts")
    in_parts, _ = run(sweep, 4, name="in parts")
    assert values(at_once) == values(in_parts)


@pytest.mark.parametrize("method", [pytest.param("random", marks=pytest.mark.slow), "bayes"])
@pytest.mark.parametrize("storage", ["journal.log", "sqlite:///study.db"])
def test_any_sampler_goes_on_in_any_storage(tmp_path: Path, method: str, storage: str) -> None:
    others: dict[str, Any] = {"y": {"values": [1, 2]}, "n": {"min": 1, "max": 4}}
    sweep = sweep_over(tmp_path, method, parameters=others)
    run(sweep, 4, storage)
    study, _ = run(sweep, 8, storage)
    assert len(set(values(study))) == 8


def test_a_grid_is_every_combination_once_in_order(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path, "grid", {"values": [1, 2]}, parameters={"n": {"min": 5, "max": 6}})
    run(sweep, 1)
    study, _ = run(sweep, 99)
    points = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert points == [("1", 5), ("1", 6), ("2", 5), ("2", 6)]


def test_a_grid_over_a_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"parameters\.x has infinitely many values; expected value, values or an integer range"
    ):
        opened(sweep_over(tmp_path, "grid"))


def test_another_sweep_in_the_same_study_is_refused(tmp_path: Path) -> None:
    opened(sweep_over(tmp_path))
    with pytest.raises(InputError, match=r"parameters is .*, but study s was made with .*; give another --name"):
        opened(sweep_over(tmp_path, x={"min": 0.0, "max": 2.0}))
    with pytest.raises(InputError, match=r'arguments is \["--a"\], but study s was made with \[\]; give another'):
        opened(sweep_over(tmp_path), extra=["--a"])
    opened(sweep_over(tmp_path, name="another", description="what is not part of it"))


def test_a_storage_that_cannot_be_opened_is_refused() -> None:
    with pytest.raises(InputError, match=r"--storage is sqlite:////nowhere/at/all\.db, which cannot be opened"):
        open_storage("sqlite:////nowhere/at/all.db")
    with pytest.raises(InputError, match="--storage is nosuch://x, which cannot be opened"):
        open_storage("nosuch://x")


def test_folders_of_another_study_are_left_alone(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path)
    run(sweep, 1)
    study, _ = run(sweep, 1, "another.log")
    assert study.trials[0].user_attrs["folder"] == "runs/s/trial-0000-2"


# Kills.


def test_an_interrupted_trial_is_ended_and_taken_up_again(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path, "grid", {"values": [15, 1]})
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(sweep, 2)
    study = opened(sweep)
    assert finished(study) == []
    assert [t.params or t.system_attrs["fixed_params"] for t in study.trials] == [{"x": "15"}, {"x": "1"}, {"x": "15"}]
    assert [t.state.name for t in study.trials] == ["FAIL", "WAITING", "WAITING"]
    (process,) = tmp_path.rglob("process")
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.read_text()), 0)


def test_what_a_killed_sweep_left_running_neither_counts_nor_blocks(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path, "grid", {"values": [1, 2, 3]})
    study = opened(sweep)
    draws = {p.key: p.distribution for p in sweep.varied if p.distribution}
    for drawn, attributes in (
        # One of a process that is gone, which had not even drawn, and one of another machine that was last heard of an
        # hour ago.
        ({}, {"machine": studies.this_machine(), "process": 2**22 + 1, "alive": time.time()}),
        (draws, {"machine": "elsewhere", "process": 1, "alive": time.time() - 3600}),
    ):
        trial = study.ask(drawn)
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
    study, said = run(sweep, 3)
    assert said[0].startswith("2 of the study's trials ended with a sweep that was killed")
    assert sorted(values(study)) == ["1", "2", "3"]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "FAIL"}


def test_a_trial_that_runs_elsewhere_counts_and_is_not_disturbed(tmp_path: Path) -> None:
    sweep = sweep_over(tmp_path)
    study = opened(sweep)
    elsewhere = study.ask({p.key: p.distribution for p in sweep.varied if p.distribution})
    elsewhere.set_user_attr("machine", "elsewhere")
    elsewhere.set_user_attr("alive", time.time())
    study, _ = run(sweep, 3)
    assert len(finished(study)) == 2
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "COMPLETE", "COMPLETE"]


@pytest.mark.slow
def test_two_machines_share_a_grid(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from lightning_gans.sweeps import trials
from tests.sweeps.test_trials import run, read_sweep
trials.POLL_SECONDS = 0.02
run(read_sweep(Path({str(tmp_path / "sweep.yaml")!r})), 8)
"""
    sweep = sweep_over(tmp_path, "grid", {"values": list(range(8))}, parameters={"pause": {"value": 0.1}})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", script], env=environment) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    study = opened(sweep)
    assert sorted(values(study)) == [str(x) for x in range(8)]
    processes = {trial.user_attrs["process"] for trial in finished(study)}
    assert processes == {process.pid for process in both}
