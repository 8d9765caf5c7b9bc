"""Studies of many runs, with a program that takes no time in place of ``lightning-gans``."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.core.machine import available_cores
from lightning_gans.studies import child, runner
from lightning_gans.studies.cells import first_cells
from lightning_gans.studies.child import claimed
from lightning_gans.studies.records import read_records
from lightning_gans.studies.runner import Runner
from lightning_gans.studies.schedule import (
    all_cells,
    check_unchanged,
    narrowed,
    numbered_cell,
    plan,
    run_cell,
    run_study,
)
from tests.support.studies import GOOD, SEARCH, fake_runner, study_of


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(child, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.01)


def method(score: float) -> dict[str, object]:
    return {"config": "methods/hinge", "overrides": {"score": score}}


def started() -> list[str]:
    """Names of the runs whose ``fit`` was started, in order."""
    return [line.split()[0] for line in Path("started").read_text().splitlines()]


def test_every_cell_runs_once_and_again_runs_what_is_missing(tmp_path: Path) -> None:
    said: list[str] = []
    study = study_of(tmp_path, seeds=[0, 1])
    one = fake_runner(study, said, jobs=2)
    run_study(one, retry=False)
    names = [cell.name for cell in first_cells(study)]
    assert sorted(started()) == sorted(names)
    assert all(one.is_complete(cell) for cell in first_cells(study))
    assert said[0].startswith("0 of 4 runs are complete; 2 at a time, ")
    assert Path("started").read_text().split()[1] == str(max(1, available_cores() // 2))
    (record,) = [each for each in read_records(one.folder) if each.cell == "two/seed-1"]
    assert (record.state, record.steps, record.error) == ("complete", 10, None)
    assert record.seconds > 0
    assert record.core_seconds > 0
    assert record.peak_mib > 1
    (one.folder / "two" / "seed-1" / "results.json").unlink()
    run_study(fake_runner(study, said), retry=False)
    assert started()[4:] == ["two/seed-1"]


def test_a_run_that_fails_stops_no_other_and_is_run_again_on_request_only(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0], methods={"bad": method(13), "good": method(1)})
    said: list[str] = []
    run_study(fake_runner(study, said), retry=False)
    # Both may have ended at the same look at them: the numbers may be the other way round.
    assert any(line.endswith("] bad/seed-0: failed: the loss is not finite") for line in said)
    assert fake_runner(study).is_complete(first_cells(study)[1])
    assert "some warning\nlightning-gans: the loss" in (Path("studies/small/logs") / "bad-seed-0.log").read_text()
    run_study(fake_runner(study), retry=False)
    assert started() == ["bad/seed-0", "good/seed-0"]
    run_study(fake_runner(study), retry=True)
    assert started()[2:] == ["bad/seed-0"]
    assert "   0  bad/seed-0: 10 steps, failed: the loss is not finite" in plan(fake_runner(study))


def test_a_signal_is_passed_on_and_the_run_goes_on_next_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0], methods={"slow": method(15), "good": method(1)})
    said: list[str] = []
    first = fake_runner(study, said)
    waiting = first.folder / "slow" / "seed-0" / "waiting"

    def interrupt() -> None:
        while not waiting.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt), first.signals:
        run_study(first, retry=False)
    assert [(each.cell, each.state) for each in read_records(first.folder)] == [("slow/seed-0", "interrupted")]
    assert started() == ["slow/seed-0"]
    Path("go").touch()
    run_study(fake_runner(study, said), retry=False)
    assert started() == ["slow/seed-0", "slow/seed-0", "good/seed-0"]


def test_a_cell_that_another_process_runs_is_waited_for(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0])
    said: list[str] = []
    one = fake_runner(study, said)
    lock = one.folder / ".locks" / "one-seed-0"
    with claimed(lock) as descriptor:
        assert descriptor is not None
        thread = threading.Thread(target=run_study, args=(one, False))
        thread.start()
        while not said[1:]:
            time.sleep(0.01)
        assert said[1] == "one/seed-0: another process runs it; waiting"
    thread.join()
    assert sorted(started()) == ["one/seed-0", "two/seed-0"]


def test_after_a_search_the_best_setting_is_trained_with_fresh_seeds(tmp_path: Path) -> None:
    methods = dict.fromkeys(("one", "two"), "methods/hinge")
    study = study_of(tmp_path, seeds=[0], methods=methods, **SEARCH)
    drawn = {cell.setting.name: cell.setting.drawn["score"] for cell in first_cells(study)}
    best = [min((n for n in drawn if n.startswith(name)), key=drawn.__getitem__) for name in ("one", "two")]
    with pytest.raises(InputError, match=r"--cell is 6, one-best/seed-7, which depends on the search, of which 6 runs"):
        run_cell(fake_runner(study), 6)
    run_study(fake_runner(study, jobs=2), retry=False)
    assert sorted(started()[6:]) == sorted(f"{name}/seed-{seed}" for name in best for seed in (7, 8))


def test_one_cell_runs_by_its_number(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0, 1])
    assert run_cell(fake_runner(study), 3) == run_cell(fake_runner(study), 3) == first_cells(study)[3]
    assert started() == ["two/seed-1"]
    with pytest.raises(InputError, match="--cell is 4; expected from 0 to 3, the study's cells"):
        run_cell(fake_runner(study), 4)


def test_the_plan_says_what_an_estimate_is_from(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0, 1], budget={"images": 40}, validations=2)
    lines = list(plan(fake_runner(study)))
    assert lines[0] == "   0  one/seed-0: 10 steps, unknown until the first cell has run"
    assert lines[-2:] == [
        "budget of each run: 40 images; 2 validations; score: fid",
        "4 of 4 runs are missing; their time is unknown",
    ]
    run_cell(fake_runner(study), 0)
    lines = list(plan(fake_runner(study)))
    assert lines[0] == "   0  one/seed-0: 10 steps, complete"
    assert lines[2].startswith("   2  one/seed-1: 10 steps, 0.0 min, ")
    assert lines[2].endswith(" MiB, from 1 run of this config")
    assert lines[-1] == "3 of 4 runs are missing: about 0.0 h with 1 at a time, without 2 of unknown time"


def test_runs_of_a_study_that_has_changed_are_not_mixed(tmp_path: Path) -> None:
    def check(**changes: object) -> None:
        study = study_of(tmp_path, **changes)
        check_unchanged(fake_runner(study), study)

    run_study(fake_runner(study_of(tmp_path, seeds=[0])), retry=False)
    check(seeds=[0, 1])
    check(overrides={"data.root": "elsewhere"})
    with pytest.raises(InputError, match=r"one/seed-0 in studies/small was run with 10 steps rather than 12; give an"):
        check(budget={"steps": 12})
    with pytest.raises(InputError, match="one/seed-0 in studies/small was run with other settings; give another --na"):
        check(overrides={"ema.decay": 0.9})


def test_the_job_of_a_cell_checks_its_own_method_and_data(tmp_path: Path) -> None:
    study = study_of(tmp_path, data={"a": "data/digits", "b": "data/mnist"}, **SEARCH)
    for number in (0, len(all_cells(study)) - 1):
        part = narrowed(study, numbered_cell(study, number))
        assert (len(part.data), len(part.methods)) == (1, 1)
    assert (part.data[0].name, part.methods[0].name) == ("b", "two")


COSTLY = """
import json, sys, pathlib
pathlib.Path("measured").open("a").write("x")
print(json.dumps({"core_seconds": 0.5, "reference_seconds": 0.01, "steps": 48, "peak_mib": 100.0}))
"""


def costly_runner(tmp_path: Path, said: list[str], program: str = COSTLY) -> Runner:
    study = study_of(tmp_path, budget={"core_seconds": 5}, seeds=[0, 1], methods={"one": GOOD["methods"]["one"]})
    return fake_runner(study, said, jobs=2, measure=[sys.executable, "-c", program])


def test_the_cost_of_a_step_is_measured_once_for_a_setting(tmp_path: Path) -> None:
    said: list[str] = []
    one = costly_runner(tmp_path, said)
    assert one.threads == 1
    assert next(iter(plan(one))).startswith("   0  one/seed-0: steps measured before it runs")
    run_study(one, retry=False)
    assert Path("measured").read_text() == "x"
    assert "one: a step takes 0.5000 s of one core, measured on 48 steps" in said
    assert "one/seed-0: 10 steps" in said


def test_a_measurement_that_fails_is_the_failure_of_its_runs(tmp_path: Path) -> None:
    said: list[str] = []
    run_study(costly_runner(tmp_path, said, "raise SystemExit('lightning-gans: error: no')"), retry=False)
    assert sorted(line[6:] for line in said[1:]) == [f"one/seed-{seed}: failed: no" for seed in (0, 1)]
