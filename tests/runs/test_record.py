from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from lightning_gans.callbacks.run_folder import without_nan
from lightning_gans.runs.record import (
    ModelMetadata,
    RunRecord,
    current_commit,
    describe_machine,
    package_versions,
    read_run_record,
)
from lightning_gans.runs.scores import parse_complete_rows
from tests.support.scored_runs import score_row, scored_run


@pytest.mark.parametrize("step", [7, 9])
def test_grids_are_those_of_the_step_or_the_newest(step: int, tmp_path: Path) -> None:
    folder = scored_run(tmp_path)
    (folder / "samples").mkdir()
    for name in ("epoch-001-step-0000007-a", "epoch-001-step-0000007-b", "epoch-002-step-0000008-a"):
        (folder / "samples" / f"{name}.png").touch()
    grids = read_run_record(folder / "checkpoints" / "best.ckpt", {"step": step}).grids
    epoch = "epoch-001" if step == 7 else "epoch-002"
    assert [grid.path for grid in grids] == sorted((folder / "samples").glob(f"{epoch}-*.png"))


@pytest.mark.parametrize("damage", ["{", "[1]", "trainer: 3", "\udcff"])
def test_a_damaged_config_is_left_out(damage: str, tmp_path: Path) -> None:
    folder = scored_run(tmp_path)
    (folder / "config.yaml").write_bytes(damage.encode(errors="surrogateescape"))
    assert read_run_record(folder / "checkpoints" / "best.ckpt", {"step": 7}).settings == {}


def test_a_checkpoint_elsewhere_belongs_to_no_run(tmp_path: Path) -> None:
    folder = scored_run(tmp_path, score_row(1.25))
    metadata: ModelMetadata = {"step": 7, "weights": "ema"}
    assert read_run_record(folder / "checkpoints" / "best.ckpt", metadata).rows == parse_complete_rows(
        [score_row(1.25)]
    )
    assert read_run_record(folder / "kept" / "best.ckpt", metadata) == RunRecord()


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_checkout_around_the_package(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    file = package / "file.py"
    file.write_text("1")
    assert current_commit(package) is None
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert current_commit(package) == head
    file.write_text("2")
    assert current_commit(package) == f"{head}+changes"
    # Installed somewhere below another project's checkout.
    assert current_commit(package / "site-packages") is None


def test_a_broken_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").write_text("nonsense")
    assert current_commit(tmp_path / "package") is None
    monkeypatch.setenv("PATH", "")
    assert current_commit(tmp_path / "package") is None


def test_versions_and_machine_are_those_here() -> None:
    assert package_versions()["torch"] == torch.__version__
    described = describe_machine(torch.device("cpu"))
    assert described["threads"] == torch.get_num_threads()
    assert described["device"] == "cpu"


def test_nan_and_infinity_are_null_in_json() -> None:
    value = {"a": [float("nan"), 1.5, {"b": float("inf")}], "c": None, "d": "nan"}
    assert without_nan(value) == {"a": [None, 1.5, {"b": None}], "c": None, "d": "nan"}
