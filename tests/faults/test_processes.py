"""Faults of whole processes: kills, signals to the real command line, a process of several that is no more."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.paths import ROOT

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith("WANDB_")},
    "PL_GLOBAL_SEED": "0",
    "OMP_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": "lo",
    "PYTHONPATH": str(ROOT),
}

DIGITS = [
    *("fit", "--config", "dcgan/digits", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--evaluation.extractor", "null", "--best.monitor", "loss/g", "--samples.count", "0"),
    *("--trainer.log_every_n_steps", "1", "--last.every_n_steps", "5"),
]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lightning_gans", *arguments]


@contextmanager
def started(arguments: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process, with a group of its own, that is gone at the end whatever happens."""
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with_group(process, signal.SIGKILL)
        process.communicate()


def with_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.is_file():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, f"no {path} after {seconds} s"
        time.sleep(0.05)


def state(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(path, weights_only=True)
    return loaded


def assert_same_end(one: Path, other: Path) -> None:
    first, second = state(one), state(other)
    assert first["global_step"] == second["global_step"]
    assert first["state_dict"].keys() == second["state_dict"].keys()
    assert all(torch.equal(value, second["state_dict"][key]) for key, value in first["state_dict"].items())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_twenty_random_moments_it_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "tests.support.long_run"]
    done = subprocess.run(
        [*run, str(tmp_path / "whole")], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder, rng = tmp_path / "killed", random.Random(0)
    last, writing = folder / "checkpoints" / "last.ckpt", folder / "checkpoints" / ".last.ckpt.writing"
    steps, half_written = [0], 0
    for kill in range(20):
        with started([*run, str(folder)], ROOT) as process:
            before = last.stat().st_mtime_ns if last.is_file() else 0
            while not last.is_file() or last.stat().st_mtime_ns == before:  # until it trains
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.6))
            if kill % 3 == 0:  # while a checkpoint is being written
                end = time.monotonic() + 20
                while not writing.is_file() and time.monotonic() < end:
                    pass
            with_group(process, signal.SIGKILL)
            process.wait()
        half_written += writing.is_file()
        steps.append(state(last)["global_step"])  # whole, at every moment
    assert steps == sorted(steps)
    assert half_written >= 3
    assert not (folder / "finished").is_file()
    with started([*run, str(folder)], ROOT) as process:
        assert process.wait(timeout=300) == 0, process.communicate()[0]
    assert_same_end(tmp_path / "whole" / "checkpoints" / "last.ckpt", last)


@pytest.mark.slow
def test_a_command_that_is_ended_and_given_again_goes_on_in_its_folder(tmp_path: Path) -> None:
    small = ("--model.generator.width", "4", "--model.discriminator.width", "4")
    few = ("--trainer.limit_train_batches", "10", "--trainer.limit_val_batches", "1")
    arguments = command(*DIGITS, *small, *few, "--trainer.logger.version", "job_7", "--ckpt_path", "auto")
    folder = tmp_path / "runs" / "dcgan-digits" / "job_7"
    with started([*arguments, "--trainer.max_epochs", "1000"], tmp_path) as process:
        wait_for(folder / "checkpoints" / "last.ckpt", process)
        process.terminate()
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("lightning-gans: ")]
    told = re.fullmatch(r"lightning-gans: ended by SIGTERM after step (\d+), saved in (\S+); resume with: (.*)", line)
    assert told is not None, line
    step = int(told[1])
    assert state(tmp_path / told[2])["global_step"] == step
    assert told[3] == "lightning-gans fit --resume runs/dcgan-digits/job_7"
    epochs = step // 10 + 2
    with started([*arguments, "--trainer.max_epochs", str(epochs)], tmp_path) as process:
        output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert [path.name for path in folder.parent.iterdir()] == ["job_7"]
    rows = (folder / "metrics.csv").read_text().splitlines()
    place = rows[0].split(",").index("step")
    logged = [int(row.split(",")[place]) for row in rows[1:]]
    assert logged == sorted(logged)
    assert set(logged) == set(range(epochs * 10))


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["started", "starter"])
def test_one_process_that_is_killed_ends_both_with_one_sentence(tmp_path: Path, victim: str) -> None:
    arguments = command(*DIGITS, "--trainer.max_epochs", "1000", "--trainer.devices", "2")
    with started(arguments, tmp_path) as process:
        wait_for(tmp_path / "runs" / "dcgan-digits" / "version_0" / "checkpoints" / "last.ckpt", process)
        (child,) = children(process.pid)
        os.kill(child if victim == "started" else process.pid, signal.SIGKILL)
        killed = time.monotonic()
        while alive(child) or process.poll() is None:
            assert time.monotonic() < killed + 60
            time.sleep(0.2)
        output = process.communicate(timeout=60)[0]
    told = [line for line in output.splitlines() if line.startswith("lightning-gans: ")]
    sentence = "lightning-gans: another process of this run has ended; see that process's output for the reason"
    # Only the first process knows the run's folder.
    hint = "; resume with: lightning-gans fit --resume runs/dcgan-digits/version_0" if victim == "started" else ""
    assert told == [sentence + hint], output
    assert "Traceback" not in output


@pytest.mark.slow
def test_two_processes_of_which_one_is_asked_to_end_save_together(tmp_path: Path) -> None:
    arguments = command(*DIGITS, "--trainer.max_epochs", "1000", "--trainer.devices", "2")
    with started(arguments, tmp_path) as process:
        wait_for(tmp_path / "runs" / "dcgan-digits" / "version_0" / "checkpoints" / "last.ckpt", process)
        (child,) = children(process.pid)
        os.kill(child, signal.SIGTERM)
        output = process.communicate(timeout=60)[0]
        assert not alive(child)
    assert process.returncode == 128 + signal.SIGTERM
    (line,) = [line for line in output.splitlines() if line.startswith("lightning-gans: ")]
    told = re.fullmatch(r"lightning-gans: ended by SIGTERM after step (\d+), saved in (\S+); resume with: (.*)", line)
    assert told is not None, line
    assert int(told[1]) % 10 == 0
    assert state(tmp_path / told[2])["global_step"] == int(told[1])


@pytest.mark.slow
def test_a_process_that_was_started_by_another_finishes_its_work(tmp_path: Path) -> None:
    """Rank 0 has all images when ``predict`` returns, and what a script does afterwards is not killed."""
    with started([sys.executable, "-m", "tests.support.slow_rank", str(tmp_path)], ROOT) as process:
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
    assert (tmp_path / "seen by rank 0").read_text() == "46"
    assert (tmp_path / "rank 1 went on").is_file()


def children(pid: int) -> list[int]:
    """Python processes that ``pid`` has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether ``pid`` runs still; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("refused", ["no login", "no service"])
def test_wandb_that_refuses_is_one_sentence(tmp_path: Path, refused: str) -> None:
    environment = {"HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path), "WANDB_INIT_TIMEOUT": "5"}
    if refused == "no service":
        environment |= {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "0" * 40}
    arguments = command(*DIGITS, "--config", "logger/wandb", "--trainer.max_epochs", "1")
    with started(arguments, tmp_path, **environment) as process:
        output = process.communicate(timeout=120)[0]
    assert process.returncode == (2 if refused == "no login" else 1), output
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("lightning-gans: ")]
    assert re.match(r"lightning-gans: .*W&B.*; log in with `wandb login`, or .*--trainer\.logger\.offline true", line)
