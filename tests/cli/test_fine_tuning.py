"""``--model.start_from`` and ``--model.freeze_d`` on the command line, and where their record is shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from jsonargparse import dict_to_namespace

from lightning_gans.cli.commands.common import command_line
from lightning_gans.cli.run_config import check_start
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.reporting.html.page import facts
from lightning_gans.reporting.html.run_report import read_report
from lightning_gans.runs.folder import RunFolder
from tests.support.command_line import SHORT

TUNED = [
    "fit",
    "--config",
    "dcgan/digits",
    *SHORT,
    "--trainer.logger.name",
    "tuned",
    "--trainer.limit_val_batches",
    "0",
]


def test_a_run_starts_from_another_in_one_flag_and_says_so(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line("inspect", [str(finished_run)])
    hashes = {
        line.split()[1].strip(","): line.split()[-1]
        for line in capsys.readouterr().out.splitlines()
        if ", hash " in line
    }
    start = ["--model.start_from", str(finished_run.parent), "--model.freeze_d", "1"]
    build([*TUNED, *start, "--trainer.max_steps", "2"])
    tuned = RunFolder(Path("runs/tuned/version_0"))
    source = torch.load(finished_run / "checkpoints" / "best.ckpt", weights_only=True)
    recorded = json.loads(tuned.fit_facts.read_text())["started_from"]
    assert recorded == {
        "path": str(finished_run / "checkpoints" / "best.ckpt"),
        "variant": "lightning_gans.DCGAN",
        "step": source["global_step"],
        "layers": {"generator": "5 of 5", "discriminator": "4 of 4"},
        "weights": {"generator": hashes["average"], "discriminator": hashes["discriminator"]},
    }
    told = f"{recorded['path']} of step {recorded['step']} (hash generator {hashes['average']}, discriminator "
    capsys.readouterr()
    command_line("inspect", [str(tuned)])
    assert f"started from  {told}" in capsys.readouterr().out
    assert facts(read_report(tuned, "tuned", 4))["Started from"].startswith(told)


@pytest.mark.slow
def test_a_run_is_resumed_without_what_it_started_from(finished_run: Path) -> None:
    build([*TUNED, "--model.start_from", str(finished_run), "--model.freeze_d", "1", "--trainer.max_steps", "2"])
    last = Path("runs/tuned/version_0/checkpoints/last.ckpt")
    before = torch.load(last, weights_only=True)
    shutil.rmtree(finished_run)
    build(["fit", "--resume", "runs/tuned/version_0", "--trainer.max_steps", "3"])
    resumed = torch.load(last, weights_only=True)
    assert (resumed["global_step"], resumed["started_from"]) == (3, before["started_from"])
    frozen = "discriminator.layers.0.weight"
    assert torch.equal(resumed["state_dict"][frozen], before["state_dict"][frozen])


def test_weights_are_read_before_there_is_a_folder_but_not_by_a_resumed_run(tmp_path: Path) -> None:
    (half := tmp_path / "half.ckpt").write_bytes(b"PK half of a file")
    model = {"class_path": "DCGAN", "init_args": {"start_from": half}}
    with pytest.raises(InputError, match=r"^model\.start_from is .*half\.ckpt, which cannot be read as a checkpoint"):
        check_start(dict_to_namespace({"ckpt_path": None, "model": model}))
    trainer = {"max_steps": 5, "max_epochs": None}
    check_start(dict_to_namespace({"ckpt_path": str(tmp_path / "last.ckpt"), "model": model, "trainer": trainer}))
    check_start(dict_to_namespace({"ckpt_path": None, "model": {"class_path": "Mine"}}))
