"""Our own sbatch files in a real SLURM. ``make test-cluster`` runs this; it takes minutes, and root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.cluster_runs import (
    ALONE,
    ARGUMENTS,
    CLUSTER,
    NAME,
    STEPS_PER_EPOCH,
    assert_same_end,
    environment,
    last,
)
from tests.support.slurm import ENDED, NODES, Slurm, say, wait_for, why_not

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TWO_TASKS = {
    "one_node": ["--ntasks-per-node=2", "--gpus-per-node=2"],
    "several_nodes": ["--ntasks-per-node=1", "--gpus-per-node=1"],
}
"""What to say to sbatch so that a file starts two processes: what the user of a small machine would."""


@pytest.fixture(scope="session")  # as `plain` is, which would else be made before a test is skipped
def slurm() -> Iterator[Slurm]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Slurm() as cluster:
        say(f"{cluster.run('sbatch', '--version')} is up, with two nodes")
        yield cluster
        say("SLURM goes down")


def log_of(folder: Path) -> str:
    """All that jobs have said, for the report of a failure too."""
    return "\n".join(f"{path.name}:\n{path.read_text()}" for path in sorted(folder.glob("*.log")))


def signal_job(slurm: Slurm, job: str) -> None:
    """As SLURM does ahead of the end of a job's time."""
    slurm.run("scancel", "--signal=USR1", job)
    say(f"job {job} trains, and gets SIGUSR1")


def preempt(slurm: Slurm, job: str) -> None:
    """Let a more urgent job want both nodes: in this SLURM, the other gets SIGTERM and a minute."""
    nodes = [f"--nodes={len(NODES)}", "--exclusive", "--partition=urgent", "--output=/dev/null"]
    slurm.submit(*nodes, "--wrap=sleep 1", cwd=slurm.folder)
    say(f"job {job} is in the way of a more urgent one")


def disturb(slurm: Slurm, job: str, run: Path, how: Callable[[Slurm, str], None] = signal_job) -> int:
    """Disturb a job in mid-epoch, see it saved and back in the queue, and let it start again.

    Returns:
        The step that it was saved at.
    """
    say(f"job {job} is in the queue")
    saved = run / "checkpoints" / "last.ckpt"
    wait_for(f"{saved}", lambda: saved.exists() or slurm.job(job)["JobState"] in ENDED, 240)
    how(slurm, job)
    # It is PENDING only once all of its processes have ended.
    known = wait_for(f"job {job} to be requeued", lambda: pending_again(slurm, job), 120)
    assert known["Restarts"] == "1"
    step = int(last(run)["global_step"])
    say(f"job {job} is requeued, saved at step {step}; it would wait until {known['StartTime']}")
    start_again(slurm, job)
    return step


def start_again(slurm: Slurm, job: str) -> None:
    """Do not let a requeued job wait for the two minutes that SLURM gives it."""
    # But for a moment: in the second in which its processes were killed, the node refuses it ("credential revoked").
    time.sleep(3)
    slurm.run("scontrol", "update", f"jobid={job}", "StartTime=now")


def pending_again(slurm: Slurm, job: str) -> dict[str, str] | None:
    known = slurm.job(job)
    assert known["JobState"] not in ENDED, f"job {job} is {known['JobState']}"
    return known if known["JobState"] == "PENDING" else None


def stub(folder: Path, script: str) -> str:
    """A path with this in the place of ``lightning-gans``."""
    program = folder / "bin" / "lightning-gans"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("file", ["one_node", "several_nodes", "seeds"])
def test_every_process_sees_all_gpus_of_its_node(file: str, slurm: Slurm, tmp_path: Path) -> None:
    path = stub(tmp_path, 'echo "$CUDA_VISIBLE_DEVICES $*" > "seen-$SLURM_JOB_ID-$SLURM_PROCID"')
    one = ["--array=3"] if file == "seeds" else []
    job = slurm.submit(*one, f"{CLUSTER / file}.sbatch", "dcgan/digits", "--a=b c", cwd=tmp_path, PATH=path)
    slurm.wait_for_state(job, ["COMPLETED"], 60)
    gpus, count = {"one_node": ("0,1,2,3", 4), "several_nodes": ("0,1,2,3", 8), "seeds": ("0", 1)}[file]
    seen = [path.read_text() for path in tmp_path.glob("seen-*")]
    assert len(seen) == count
    assert all(text.startswith(f"{gpus} fit --config dcgan/digits ") for text in seen)
    assert all(text.endswith(" --ckpt_path auto --a=b c\n") for text in seen)


@pytest.mark.parametrize(
    ("file", "how", "name"), [("one_node", signal_job, "SIGUSR1"), ("several_nodes", preempt, "SIGTERM")]
)
def test_a_disturbed_job_goes_on_and_ends_like_an_undisturbed_run(
    file: str, how: Callable[[Slurm, str], None], name: str, slurm: Slurm, plain: Path, tmp_path: Path
) -> None:
    given = environment(tmp_path / "cache")
    job = slurm.submit(*TWO_TASKS[file], f"{CLUSTER / file}.sbatch", *ARGUMENTS, cwd=tmp_path, **given)
    run = tmp_path / "runs" / NAME / f"job_{job}"
    try:
        step = disturb(slurm, job, run, how)
        assert 0 < step < STEPS_PER_EPOCH, "the signal came too late to be one in mid-epoch"
        assert step % 10 == 0
        assert not (run / "scores.jsonl").exists()
        known = slurm.wait_for_state(job, ["COMPLETED"], 240)
    except (AssertionError, TimeoutError):
        print(log_of(tmp_path), slurm.logs())
        raise
    say(f"job {job} is {known['JobState']} after {known['Restarts']} restart")
    assert known["Restarts"] == "1"
    assert list(run.parent.iterdir()) == [run]
    assert sorted(path.name for path in run.glob("config*.yaml")) == ["config-2.yaml", "config.yaml"]
    said = (tmp_path / f"lightning-gans-{job}.log").read_text()
    assert said.count(f"ended by {name} after step {step}, saved in runs/{NAME}/job_{job}/") == 1
    assert said.count(f"job {job} is requeued") == (name == "SIGUSR1")
    assert said.count("GLOBAL_RANK: 1, MEMBER: 2/2") == 2
    assert_same_end(run, plain)


def test_the_warning_before_the_end_of_the_time_reaches_every_process(slurm: Slurm, tmp_path: Path) -> None:
    path = stub(
        tmp_path, 'trap "touch warned-$SLURM_PROCID; exit 0" USR1; for i in $(seq 500); do sleep 0.2; done; exit 1'
    )
    # Of two minutes, the file's own --signal=USR1@120 leaves none; SLURM looks twice a minute.
    job = slurm.submit("--time=2", f"{CLUSTER / 'several_nodes'}.sbatch", "dcgan/digits", cwd=tmp_path, PATH=path)
    slurm.wait_for_state(job, ["COMPLETED"], 100)
    assert sorted(path.name for path in tmp_path.glob("warned-*")) == [f"warned-{rank}" for rank in range(8)]


def test_a_job_that_is_preempted_before_it_trains_is_requeued(slurm: Slurm, tmp_path: Path) -> None:
    path = stub(tmp_path, '[ "$SLURM_RESTART_COUNT" = 1 ] || { touch started; sleep 60; }')
    job = slurm.submit(f"{CLUSTER / 'one_node'}.sbatch", "dcgan/digits", cwd=tmp_path, PATH=path)
    wait_for("the job to start", (tmp_path / "started").exists, 60)
    preempt(slurm, job)
    wait_for(f"job {job} to be requeued", lambda: pending_again(slurm, job), 50)
    start_again(slurm, job)
    assert slurm.wait_for_state(job, ["COMPLETED"], 60)["Restarts"] == "1"


def test_a_canceled_job_has_time_to_save_itself_and_is_over(slurm: Slurm, tmp_path: Path) -> None:
    path = stub(
        tmp_path, 'trap "sleep 1; touch saved; exit 143" TERM; touch started; for i in $(seq 300); do sleep 0.2; done'
    )
    job = slurm.submit("--ntasks-per-node=1", f"{CLUSTER / 'one_node'}.sbatch", "dcgan/digits", cwd=tmp_path, PATH=path)
    wait_for("the job to start", (tmp_path / "started").exists, 60)
    slurm.run("scancel", job)
    wait_for("the job to save itself", (tmp_path / "saved").exists, 30)
    wait_for("the job to end", lambda: not slurm.run("squeue", "--noheader", f"--jobs={job}"), 30)
    known = slurm.job(job)
    assert (known["JobState"], known["Restarts"]) == ("CANCELLED", "0")


def test_of_an_array_the_signalled_seed_alone_is_requeued_and_keeps_its_wandb_run(slurm: Slurm, tmp_path: Path) -> None:
    given = environment(tmp_path / "cache")
    wandb = ["--config=logger/wandb", "--trainer.logger.offline=true"]
    job = slurm.submit("--array=1-2", f"{CLUSTER / 'seeds'}.sbatch", *ARGUMENTS, *wandb, cwd=tmp_path, **given)
    ids = {seed: f"job_{job}_{seed}" for seed in (1, 2)}
    runs = {seed: tmp_path / "runs" / "lightning-gans" / name for seed, name in ids.items()}
    try:
        step = disturb(slurm, f"{job}_2", runs[2])
        known = {seed: slurm.wait_for_state(f"{job}_{seed}", ["COMPLETED"], 240) for seed in (1, 2)}
    except (AssertionError, TimeoutError):
        print(log_of(tmp_path), slurm.logs())
        raise
    assert {seed: one["Restarts"] for seed, one in known.items()} == {1: "0", 2: "1"}
    assert step
    weights = []
    for seed, run in runs.items():
        assert yaml.safe_load((run / "config.yaml").read_text())["seed_everything"] == seed
        ended = last(run)
        assert ended["global_step"] == 2 * ALONE
        weights.append(ended["state_dict"])
        assert (tmp_path / f"lightning-gans-seeds-{job}_{seed}.log").exists()
    key = next(key for key in weights[0] if key.startswith("generator.") and key.endswith("weight"))
    assert not weights[0][key].equal(weights[1][key])
    assert sorted(path.name for path in runs[1].parent.iterdir()) == sorted(ids.values())
    parts = [path.name.split("-")[-1] for path in (tmp_path / "runs" / "wandb").glob("offline-run-*")]
    assert sorted(parts) == [ids[1], ids[2], ids[2]]
