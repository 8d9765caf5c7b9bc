"""The run that all launchers do, and how its ends are compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.metrics_log import read_metrics_log
from tests.support.paths import ROOT

CLUSTER = ROOT / "configs" / "cluster"

NAME = "dcgan-digits"
"""The config's name for its runs."""

STEPS_PER_EPOCH = 224
"""Of two processes: 1,797 images in batches of four, without what does not fill one on both."""

ALONE = 449
"""Steps in an epoch of one process."""

ARGUMENTS = (
    "dcgan/digits",
    "--data.batch_size=4",
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=2",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--last.every_n_steps=10",
)
"""What a user would add to a launcher's file."""


def environment(cache: Path) -> dict[str, str]:
    """The environment of all runs: this Python's programs first, and a network of this host alone."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH", "PL_"))}
    return {
        **own,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(cache),
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "GLOO_SOCKET_IFNAME": "lo",
    }


def run_plainly(folder: Path, cache: Path) -> Path:
    """The run with two processes, started by hand and left in peace.

    Returns:
        Its folder.
    """
    config, *others = ARGUMENTS
    command = ["lightning-gans", "fit", "--config", config, *others]
    command += ["--trainer.devices=2", "--trainer.logger.version=plain"]
    done = subprocess.run(
        command, cwd=folder, env=environment(cache), capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs" / NAME / "plain"


def last(run: Path) -> dict[str, Any]:
    """The newest checkpoint of a run."""
    loaded: dict[str, Any] = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    return loaded


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two trees of states are not equal bit for bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if torch.equal(one, other) and one.dtype == other.dtype else [where]
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{where}/{key}" for key in one.keys() ^ other.keys()]
        return missing + [
            d for key in one.keys() & other.keys() for d in differences(one[key], other[key], f"{where}/{key}")
        ]
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return [d for i, pair in enumerate(zip(one, other, strict=True)) for d in differences(*pair, f"{where}/{i}")]
    return [] if one == other else [where]


def logged(run: Path) -> list[dict[str, str]]:
    """The rows of a run's log, without speed and memory, in which equal runs differ."""
    rows = read_metrics_log(run / "metrics.csv").rows
    return [{key: cell for key, cell in row.items() if not key.startswith(("speed/", "memory/"))} for row in rows]


def assert_same_end(run: Path, plain: Path) -> None:
    """Assert that a run has ended with the weights, the optimizers' states and the log of another."""
    ended, expected = last(run), last(plain)
    assert expected["global_step"] == 2 * STEPS_PER_EPOCH
    states = ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers")
    assert sum(value.numel() for value in expected["state_dict"].values()) > 100_000
    assert len(expected["optimizer_states"]) == 2
    assert differences({key: ended[key] for key in states}, {key: expected[key] for key in states}) == []
    assert logged(run) == logged(plain)
    assert RunFolder(run).read_scores() == RunFolder(plain).read_scores()  # without the time of training
