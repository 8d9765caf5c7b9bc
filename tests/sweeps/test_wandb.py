"""The real ``wandb agent`` runs a sweep of ours, against a stand-in for the service on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from lightning_gans.core.shipped_configs import config_folder
from lightning_gans.sweeps.space import implied_distribution
from lightning_gans.sweeps.study import make_sampler
from lightning_gans.sweeps.wandb_file import read_sweep
from tests.support.wandb_service import SweepService, serving
from tests.sweeps.test_wandb_file import SHIPPED

TINY = {"trainer.max_epochs": 3, "trainer.check_val_every_n_epoch": 1, "trainer.limit_train_batches": 2}


def wandb(address: str, folder: Path, *arguments: str) -> str:
    """What the real client says on a machine that knows no other service."""
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "WANDB_BASE_URL": address,
        "WANDB_API_KEY": "0" * 40,
        "WANDB_ERROR_REPORTING": "false",
    }
    done = subprocess.run(
        [str(programs / "wandb"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_real_client_makes_every_shipped_sweep(path: Path, tmp_path: Path) -> None:
    service = SweepService([])
    with serving(service) as address:
        said = wandb(address, tmp_path, "sweep", "--entity", "me", "--project", "project", str(path))
    assert "wandb agent me/project/sweep" in said
    made = service.config
    for key, given in yaml.safe_load(path.read_text())["parameters"].items():
        # It names the distribution where the file leaves it out.
        assert made["parameters"][key] | given == made["parameters"][key]
        kind = made["parameters"][key].get("distribution")
        assert kind in (None, given.get("distribution"), implied_distribution(key, given))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_agent_runs_a_sweep_to_its_end(tmp_path: Path) -> None:
    shipped = config_folder() / "sweeps" / "random.yaml"
    runs = drawn(shipped, 2)
    assert runs[0] != runs[1]
    service = SweepService(runs)
    with serving(service) as address:
        wandb(address, tmp_path, "sweep", "--entity", "me", "--project", "project", str(shipped))
        wandb(address, tmp_path, "agent", "me/project/sweep")
    assert service.handed_out == ["run0", "run1"]
    for name, values in zip(service.handed_out, runs, strict=True):
        (scores,) = tmp_path.rglob(f"{name}/scores.jsonl")
        fids = [json.loads(line)["scores"]["val/fid"] for line in scores.read_text().splitlines()]
        assert len(fids) == 3
        # What the run was trained with is what the service drew.
        config = yaml.safe_load(scores.with_name("config.yaml").read_text())
        model = config["model"]["init_args"]
        for side in ("g", "d"):
            optimizer = model[f"optimizer_{side}"]["init_args"]
            assert optimizer["lr"] == values[f"model.optimizer_{side}.lr"]
            assert optimizer["betas"] == values[f"model.optimizer_{side}.betas"]
        assert model["generator"]["init_args"]["width"] == values["model.generator.width"]
        # And what the service takes for its result is the best score.
        best = [row["best/fid"] for row in service.history[name] if "best/fid" in row]
        assert best == pytest.approx([min(fids[:count]) for count in range(1, 4)], rel=1e-6)
        assert service.summary[name]["best/fid"] == pytest.approx(min(fids), rel=1e-6)


def drawn(path: Path, count: int) -> list[dict[str, Any]]:
    """Values for as many runs of a sweep, small enough for a test."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sweep = read_sweep(path)
    study = optuna.create_study(sampler=make_sampler("random", 0))
    trials = [study.ask({p.key: p.distribution for p in sweep.varied if p.distribution}) for _ in range(count)]
    return [{p.key: p.value_of(trial.params.get(p.key)) for p in sweep.parameters} | TINY for trial in trials]
