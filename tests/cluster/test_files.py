"""The files in ``configs/cluster``: what they start is what the command line takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonargparse import Namespace
from lightning.pytorch.loggers import WandbLogger

from lightning_gans.cli.commands.study import make_parser
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.cli.train import build
from tests.support.cluster_runs import CLUSTER

FILES = sorted(path.name for path in CLUSTER.iterdir())
SBATCH = [name for name in FILES if name.endswith(".sbatch")]

GIVEN = ("dcgan/digits", "--data.batch_size", "8", "--trainer.max_epochs=3")

SLURM = {
    "SLURM_JOB_ID": "12",
    "SLURM_ARRAY_JOB_ID": "11",
    "SLURM_ARRAY_TASK_ID": "3",
}


def options(name: str) -> dict[str, str]:
    """What the file says to sbatch."""
    return dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", (CLUSTER / name).read_text(), re.MULTILINE))


def started(name: str, folder: Path, *given: str, **environment: str) -> list[str]:
    """What a file starts: the words from the launcher on, written down by a launcher that does nothing else."""
    for launcher in ("srun", "torchrun"):
        stub = folder / launcher
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" {launcher} "$@" > started\n')
        stub.chmod(0o755)
    said = options(name)
    job = {
        **SLURM,
        "SLURM_NNODES": said.get("nodes", ""),
        "SLURM_NTASKS_PER_NODE": said.get("ntasks-per-node", ""),
        "SLURM_CPUS_PER_TASK": said.get("cpus-per-task", ""),
    }
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(CLUSTER / name), *given]
    environment = {**os.environ, **(job if said else {}), "PATH": path, **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "started").read_text().splitlines()


def parsed(words: list[str]) -> Namespace:
    """What the real parser makes of the words from ``fit`` on."""
    (config,) = parse_all([words[words.index("fit") :]])
    assert config.subcommand == "fit"
    fit = config.fit
    assert isinstance(fit, Namespace)
    return fit


def test_files_are_found() -> None:
    assert FILES == ["one_node.sbatch", "seeds.sbatch", "several_nodes.sbatch", "study.sbatch", "torchrun.sh"]


@pytest.mark.parametrize("name", FILES)
def test_bash_and_shellcheck_have_nothing_to_say(name: str) -> None:
    checkers = [["bash", "-n"], *([["shellcheck"]] if shutil.which("shellcheck") else [])]
    for checker in checkers:
        done = subprocess.run([*checker, str(CLUSTER / name)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_a_config_says_what_to_give(name: str) -> None:
    command = ["bash", str(CLUSTER / name)]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"give a {'study' if name == 'study.sbatch' else 'config'}: " in done.stderr


@pytest.mark.parametrize("name", SBATCH)
def test_a_job_is_warned_requeued_and_goes_on_in_its_own_log(name: str) -> None:
    said = options(name)
    assert {key: said[key] for key in ("signal", "requeue", "open-mode")} == {
        "signal": "USR1@120",
        "requeue": "",
        "open-mode": "append",
    }
    # One process for each GPU, and no GPU hidden from the others: see the file.
    assert said["gpus-per-node"] == said["ntasks-per-node"]
    assert "gpus-per-task" not in said
    assert {"job-name", "nodes", "cpus-per-task", "time", "output"} <= said.keys()


@pytest.mark.parametrize(
    ("name", "devices", "nodes", "version"),
    [("one_node.sbatch", 4, 1, "job_12"), ("several_nodes.sbatch", 4, 2, "job_12"), ("seeds.sbatch", 1, 1, "job_11_3")],
)
def test_an_sbatch_files_command_is_one_that_the_parser_takes(
    name: str, devices: int, nodes: int, version: str, tmp_path: Path
) -> None:
    words = started(name, tmp_path, *GIVEN)
    assert words[:4] == ["srun", "--kill-on-bad-exit=1", "--cpus-per-task=4", "lightning-gans"]
    fit = parsed(words)
    assert fit.seed_everything == (3 if name == "seeds.sbatch" else 0)
    # Lightning takes a number of devices as text too.
    assert (int(fit.trainer.devices), fit.trainer.num_nodes) == (devices, nodes)
    assert fit.trainer.logger.init_args.version == version
    assert fit.ckpt_path == "auto"
    assert (fit.data.init_args.batch_size, fit.trainer.max_epochs) == (8, 3)


def test_a_job_of_a_study_runs_the_cell_of_its_number(tmp_path: Path) -> None:
    words = started("study.sbatch", tmp_path, "mnist", "--root", "data", "--", "--data.batch_size", "8")
    assert words[:4] == ["srun", "--kill-on-bad-exit=1", "--cpus-per-task=4", "lightning-gans"]
    options = make_parser().parse_args(words[5:])
    assert (words[4], options.file, options.cell, options.jobs, options.root) == ("study", "mnist", 3, 1, ["data"])
    assert options.fit_arguments == ["--data.batch_size", "8"]


def test_a_new_job_goes_on_with_the_run_that_it_is_told(tmp_path: Path) -> None:
    fit = parsed(started("one_node.sbatch", tmp_path, *GIVEN, "--trainer.logger.version", "job_3"))
    assert (fit.trainer.logger.init_args.version, fit.ckpt_path) == ("job_3", "auto")


@pytest.mark.parametrize("environment", [{}, {"NODES": "2", "PROCESSES": "2", "MEET": "host:29500", "RESTARTS": "1"}])
def test_torchruns_command_is_one_that_both_parsers_take(environment: dict[str, str], tmp_path: Path) -> None:
    from torch.distributed.run import parse_args

    words = started("torchrun.sh", tmp_path, *GIVEN, RUN="first", **environment)
    assert words[0] == "torchrun"
    torchrun = parse_args(words[1:])  # type: ignore[no-untyped-call]
    assert (torchrun.training_script, torchrun.module) == ("lightning_gans", True)
    nodes, processes = environment.get("NODES", "1"), environment.get("PROCESSES", "4")
    assert (torchrun.nnodes, torchrun.nproc_per_node) == (nodes, processes)
    assert (torchrun.rdzv_endpoint, torchrun.max_restarts) == (("host:29500", 1) if environment else ("localhost:0", 3))
    fit = parsed(words)
    assert (str(fit.trainer.devices), str(fit.trainer.num_nodes)) == (processes, nodes)
    assert fit.trainer.logger.init_args.version == "first"
    assert fit.ckpt_path == "auto"
    assert (fit.data.init_args.batch_size, fit.trainer.max_epochs) == (8, 3)


@pytest.mark.slow
def test_a_requeued_job_goes_on_in_the_same_wandb_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    words = started("one_node.sbatch", tmp_path, *GIVEN[:1])
    job = [*words[words.index("fit") :], "--config", "logger/wandb", "--trainer.logger.offline=true"]
    small = ["--trainer.devices=1", "--trainer.accelerator=cpu", "--model.generator.width=2", "--data.batch_size=256"]
    small += ["--model.discriminator.width=2", "--trainer.enable_progress_bar=false"]
    small += ["--trainer.enable_model_summary=false", "--trainer.check_val_every_n_epoch=1"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    ids = []
    for epochs in ("1", "2"):
        trainer = build([*job, *small, f"--trainer.max_epochs={epochs}"]).trainer
        assert isinstance(trainer.logger, WandbLogger)
        ids.append(trainer.logger.experiment.id)
        wandb.finish()
    assert ids == ["job_12", "job_12"]
    assert [path.name for path in (tmp_path / "runs" / "lightning-gans").iterdir()] == ["job_12"]
    folders = sorted(path.name.rpartition("-")[2] for path in (tmp_path / "runs" / "wandb").glob("offline-run-*"))
    assert set(folders) == {"job_12"}
