"""Two gloo processes are one process with the doubled batch."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy

from lightning_gans.core.errors import InputError
from tests.support.equal_run import RESUMED, RUNS, SLOW, STEPS, all_runs
from tests.support.forked import PROCESSES, on_two_processes
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

Runs = Callable[..., Path]


@pytest.fixture(scope="module")
def equal_runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The folder of the runs of ``equal_run`` on so many processes, which are made when they are first asked for."""
    out = tmp_path_factory.mktemp("equal")
    made = set()

    def runs(devices: int, name: str = "") -> Path:
        slow = name in SLOW
        if (devices, slow) in made:
            return out
        if devices == 1:
            all_runs(1, 8, out, slow)
        elif devices == PROCESSES:
            with warnings.catch_warnings():
                # A process whose share of the images is empty computes their scores all the same.
                warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
                on_two_processes(partial(all_runs, devices, 8 // devices, out, slow), out / f"results-{slow}")
        else:
            command = [sys.executable, "-m", "tests.support.equal_run", f"--devices={devices}"]
            command += [f"--batch={8 // devices}", f"--out={out}", *(["--slow"] if slow else [])]
            environment = {**os.environ, "PL_GLOBAL_SEED": "0", "GLOO_SOCKET_IFNAME": "lo"}
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False
            )
            assert done.returncode == 0, done.stderr
        made.add((devices, slow))
        return out

    return runs


def scored(out: Path, devices: int) -> list[dict[str, Any]]:
    """Results of every rank, then those of rank 0 with cached real images, and with all images in one batch."""
    files = [f"devices{devices}-rank{rank}-0.pt" for rank in range(devices)] + [
        f"devices{devices}-rank0-{again}.pt" for again in (1, 2)
    ]
    return [torch.load(out / file, weights_only=True) for file in files]


def test_two_processes_equal_one_with_the_doubled_batch(equal_runs: Runs) -> None:
    one, one_cached, one_batch = scored(equal_runs(1), 1)
    first, second, two_cached, two_batch = scored(equal_runs(2), 2)
    assert {key.partition(".")[0] for key in one["weights"]} == {"generator", "discriminator", "ema"}
    start = tiny_dcgan(batch_norm=False).state_dict()
    for key, value in one["weights"].items():
        torch.testing.assert_close(first["weights"][key], value, rtol=0, atol=1e-6)
        assert torch.equal(first["weights"][key], second["weights"][key])
    assert not torch.equal(one["weights"]["generator.layers.0.weight"], start["generator.layers.0.weight"])
    for other in (one_cached, first, second, two_cached):
        assert other["scores"] == pytest.approx(one["scores"], rel=1e-6, abs=1e-9)
    assert {f"val/{name}" for name in ("fid", "kid", "kid_ci95", "recall", "coverage", "variance_ratio")} <= set(
        one["scores"]
    )
    # Rank 1 has none of the six images, and none waits for it.
    assert two_batch["scores"] == pytest.approx(one_batch["scores"], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("devices", [2, pytest.param(4, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in sorted(RUNS)]
)
def test_n_processes_are_one_with_the_n_fold_batch(name: str, devices: int, equal_runs: Runs) -> None:
    one = torch.load(equal_runs(1, name) / f"{name}-1" / "checkpoints" / "last.ckpt", weights_only=True)
    several = torch.load(
        equal_runs(devices, name) / f"{name}-{devices}" / "checkpoints" / "last.ckpt", weights_only=True
    )
    assert one["global_step"] == several["global_step"] == STEPS
    first, start = one["state_dict"], RUNS[name][0]().state_dict()
    assert first.keys() == several["state_dict"].keys()
    states = [checkpoint.get("part_states", {}) for checkpoint in (one, several)]
    assert states[0].keys() == states[1].keys()
    assert all(states[1][part] == pytest.approx(state, abs=1e-6) for part, state in states[0].items())
    # The checkpoint of rank 0 holds the histories of all.
    for key, value in several["state_dict"].items():
        # Running variances of deep networks are near 1, and have rounding errors of 1e-5 on some machines.
        rtol = 1e-5 if key.endswith("running_var") else 0
        torch.testing.assert_close(value, first[key], rtol=rtol, atol=1e-5)
    moved = [
        key for key, value in start.items() if value.shape == first[key].shape and not torch.equal(value, first[key])
    ]
    assert {key.partition(".")[0] for key in moved} >= {*RUNS[name][0]().generators, *RUNS[name][0]().discriminators}
    ranks = [
        torch.load(equal_runs(devices, name) / f"{name}-{devices}" / f"rank{rank}.pt", weights_only=True)
        for rank in range(devices)
    ]
    for rank in ranks[1:]:
        assert all(torch.equal(rank[key], value) for key, value in ranks[0].items() if not key.startswith("pool"))


@pytest.mark.parametrize("devices", [2, pytest.param(4, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in RESUMED]
)
def test_processes_that_resume_are_processes_that_were_not_disturbed(name: str, devices: int, equal_runs: Runs) -> None:
    kinds = (devices, f"resumed-{devices}")
    files = [equal_runs(devices, name) / f"{name}-{kind}" / "checkpoints" / "last.ckpt" for kind in kinds]
    whole, resumed = (torch.load(file, weights_only=True) for file in files)
    assert resumed["global_step"] == STEPS
    assert resumed.get("part_states") == whole.get("part_states")
    assert all(torch.equal(resumed["state_dict"][key], value) for key, value in whole["state_dict"].items())


def test_a_strategy_that_wraps_the_model_is_refused(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=1, devices=1, strategy=DDPStrategy(process_group_backend="gloo"))
    try:
        with pytest.raises(InputError, match=r"trainer\.strategy is DDPStrategy"):
            trainer.fit(tiny_dcgan(), TinyData())
    finally:
        torch.distributed.destroy_process_group()
