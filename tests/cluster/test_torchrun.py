"""A run that torchrun starts anew after one of its processes was killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.cluster_runs import ARGUMENTS, CLUSTER, NAME, assert_same_end, environment, last
from tests.support.slurm import say, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def worker(torchrun: int, rank: int) -> int:
    """The process of a rank that this torchrun has started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                given = (entry / "environ").read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            if parent == torchrun and f"RANK={rank}".encode() in given:
                return int(entry.name)
    raise AssertionError(f"torchrun has no process of rank {rank}")


def start(folder: Path, run: str, **more: str) -> subprocess.Popen[bytes]:
    """Our script with two processes; all it says goes to ``torchrun.log``."""
    command = ["bash", str(CLUSTER / "torchrun.sh"), *ARGUMENTS]
    given = {**environment(folder / "cache"), "RUN": run, "PROCESSES": "2", **more}
    with (folder / "torchrun.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=given, stdout=log, stderr=log)


def test_a_killed_process_is_started_anew_with_all_others_and_nothing_is_lost(plain: Path, tmp_path: Path) -> None:
    torchrun = start(tmp_path, "first", RESTARTS="1")
    run = tmp_path / "runs" / NAME / "first"
    try:
        saved = run / "checkpoints" / "last.ckpt"
        # From step 20 on there are lines of the log to lose, and it is the first process that writes them.
        wait_for("a checkpoint", lambda: saved.exists() and last(run)["global_step"] >= 30, 240)
        os.kill(worker(torchrun.pid, 0), signal.SIGKILL)
        say("torchrun's first process is killed")
        assert torchrun.wait(400) == 0, (tmp_path / "torchrun.log").read_text()
    finally:
        torchrun.terminate()
        torchrun.wait()
    assert "Restored all states from the checkpoint" in (tmp_path / "torchrun.log").read_text()
    assert list(run.parent.iterdir()) == [run]
    assert_same_end(run, plain)


def test_sigterm_reaches_all_processes_which_save_together(plain: Path, tmp_path: Path) -> None:
    torchrun = start(tmp_path, "first")
    run = tmp_path / "runs" / NAME / "first"
    try:
        wait_for("a checkpoint", (run / "checkpoints" / "last.ckpt").exists, 240)
        torchrun.terminate()
        say("torchrun got SIGTERM")
        assert torchrun.wait(60)
        step = int(last(run)["global_step"])
        assert f"ended by SIGTERM after step {step}, saved in" in (tmp_path / "torchrun.log").read_text()
        torchrun = start(tmp_path, "first")
        say(f"torchrun's run, saved at step {step}, is started again")
        assert torchrun.wait(400) == 0, (tmp_path / "torchrun.log").read_text()
    finally:
        torchrun.terminate()
        torchrun.wait()
    assert_same_end(run, plain)
