"""Runs of the command line, from fit to predictions."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from lightning_gans import load
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.core.images import to_uint8
from lightning_gans.datamodules import GaussianGridDataModule
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.runs.folder import RunFolder
from lightning_gans.variants import GAN
from tests.support.command_line import QUIET, SHORT, scores
from tests.support.paths import ROOT
from tests.support.shell import shell
from tests.support.wandb_records import OfflineRun

pytestmark = pytest.mark.usefixtures("empty_folder")


def test_fit_then_resume_test_validate_predict_in_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    build(["fit", "--config", "dcgan/digits", *SHORT])
    folder = Path("runs/dcgan-digits/version_0")
    printed = capsys.readouterr().out
    for shown in (
        "grid: ",
        "timeline: ",
        "curves: ",
        "score  better\nfid ",
        "ema weights",
        "best checkpoint: ",
        "last checkpoint: ",
    ):
        assert shown in printed
    assert printed.startswith(f"run: {folder}\n")
    assert printed.count("digits-9ceee006") == 1
    for line in printed.splitlines():
        label, _, path = line.partition(": ")
        if label in ("grid", "timeline", "curves", "best checkpoint", "last checkpoint", "run"):
            assert Path(path).exists()

    build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    assert [line["epoch"] for line in scores(folder)] == [1, 2, 3]
    grids = sorted(path.name for path in (folder / "samples").glob("epoch-*.png"))
    assert {path.name for path in folder.glob("*.yaml")} == {"config.yaml", "config-2.yaml", "hparams.yaml"}

    curve = (folder / "metrics.csv").read_text().splitlines()
    saved = ["--config", str(folder / "config.yaml"), *QUIET]
    build(["test", *saved, "--ckpt_path", "best"])
    build(["validate", *saved, "--ckpt_path", "last"])
    build(["predict", *saved, "--ckpt_path", "best"])
    assert [next(iter(line["scores"])) for line in scores(folder)[3:]] == ["test/kid", "val/kid"]
    assert RunFolder(folder).read_scores()[4] == RunFolder(folder).read_scores()[2]
    assert [line["images_seen"] for line in scores(folder)[:3]] == [7 * 256, 14 * 256, 21 * 256]
    times = [line["train_seconds"] for line in scores(folder)]
    assert 0 < times[0] < times[1] < times[2] <= times[4]  # the state is saved after the validation
    assert sorted(path.name for path in (folder / "samples").glob("epoch-*.png")) == grids
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Testing adds rows to the curve and takes none away.
    assert [row["val/fid"] for row in rows if row["epoch"]][: len(curve) - 1] == [
        row["val/fid"] for row in csv.DictReader(curve)
    ]
    assert len(rows) > len(curve) - 1
    predicted = [np.asarray(Image.open(path)) for path in sorted((folder / "predictions").glob("*.png"))]
    assert len(predicted) == 200
    sampled = to_uint8(load(folder).sample(200, seed=0))[:, 0].numpy()
    assert np.abs(np.stack(predicted).astype(int) - sampled).max() <= 1
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["version_0"]


def test_a_test_leaves_its_results_and_a_grid(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = finished_run
    saved = ["--config", str(folder / "config.yaml"), *QUIET, "--ckpt_path", "best"]
    capsys.readouterr()
    build(["test", *saved])
    printed = capsys.readouterr().out
    assert printed.count("28px") == printed.count("\nfid ") == 1
    assert "Test metric" not in printed  # Lightning's table
    paths = dict(line.split(": ") for line in printed.splitlines() if line.startswith(("grid", "res")))
    assert paths["results"] == str(folder / "results.json")
    assert Path(paths["grid"]).parent == folder / "samples"
    with Image.open(paths["grid"]) as grid, Image.open(sorted((folder / "samples").glob("epoch-*.png"))[0]) as other:
        assert grid.size == other.size
    results = json.loads(Path(paths["results"]).read_text())
    assert results["measurements"] == scores(folder)[-1:]
    assert results["measurements"][0]["stamp"]["split"] == "all"
    assert results["config"]["model"]["class_path"] == "lightning_gans.DCGAN"
    assert results["config"]["ckpt_path"] == results["checkpoint"] == str(folder / "checkpoints" / "best.ckpt")
    assert results["versions"]["torch"] == torch.__version__
    assert results["machine"]["device"] == "cpu"
    assert results["train_seconds"] > 0 < results["test_seconds"]
    build(["test", *saved, "--samples.count", "0"])
    assert "grid" not in capsys.readouterr().out
    # The earlier file is kept.
    assert json.loads((folder / "results-1.json").read_text()) == results
    newer = json.loads((folder / "results.json").read_text())
    assert newer["measurements"][0]["scores"] == results["measurements"][0]["scores"]
    assert newer["config"]["samples"]["count"] == 0


@pytest.mark.slow
def test_wandb_offline_by_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = ["fit", "--config", "dcgan/digits", "--config", "logger/wandb", *SHORT]
    arguments += ["--trainer.logger.offline", "true"]
    build(arguments)
    wandb.finish()
    (offline,) = Path("runs/wandb").glob("offline-run-*")
    assert list((offline / "files" / "media" / "images").glob("samples*.png"))
    (folder,) = Path("runs/lightning-gans").iterdir()
    files = {"checkpoints", "samples", "config.yaml", "scores.jsonl", "metrics.csv", "curves.png"}
    assert files <= {path.name for path in folder.iterdir()}
    run = OfflineRun(Path("runs"))
    assert (run.run.run_group, run.run.tags, run.run.job_type) == ("dcgan-digits", ["DCGAN", "DigitsDataModule"], "fit")
    assert (run.config["data"]["batch_size"], run.config["data"]["class"]) == (256, "DigitsDataModule")
    assert run.config["ema"]["decay"] == 0.995
    assert run.artifacts == {}
    # The defaults of W&B are no settings of the run: a test of it has another job type.
    saved = yaml.safe_load((folder / "config.yaml").read_text())["trainer"]["logger"]["init_args"]
    assert [saved[key] for key in ("group", "tags", "job_type")] == [None] * 3
    build([*arguments, "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    wandb.finish()
    assert list(Path("runs/lightning-gans").iterdir()) == [folder]
    assert [line["epoch"] for line in scores(folder)] == [1, 2, 3]


def test_tensorboard_by_one_line() -> None:
    build(["fit", "--config", "dcgan/digits", "--config", "logger/tensorboard", *SHORT])
    folder = Path("runs/dcgan-digits/version_0")
    assert list(folder.glob("events.out.tfevents.*"))
    assert (folder / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.slow
def test_two_devices_get_the_strategy_for_alternating_steps() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--data.batch_size", "128", "--trainer.accelerator", "cpu"]
    arguments += ["--trainer.limit_val_batches", "1.0", "--trainer.limit_predict_batches", "1.0"]
    done = shell(*arguments, "--trainer.devices", "2", OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
    assert done.returncode == 0, done.stderr
    folder = Path("runs/dcgan-digits/version_0")
    assert [line["step"] for line in scores(folder)] == [7, 14]
    assert scores(folder)[0]["stamp"]["real"] == 1797
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["version_0"]
    assert done.stdout.count("grid: ") == 1
    arguments = ["predict", "--config", str(folder / "config.yaml"), "--ckpt_path", "best"]
    done = shell(*arguments, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (folder / "predictions").iterdir())
    assert names == [f"{index:06d}.png" for index in range(1797)]


@pytest.mark.filterwarnings("ignore:Validation will measure no scores")
def test_how_a_run_is_measured_does_not_change_how_it_trains() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.fast_dev_run", "true", "--evaluation.extractor"]
    one, other = (build([*arguments, extractor]).model.state_dict() for extractor in ("DigitFeatures", "null"))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_one_device_needs_no_strategy() -> None:
    cli: LightningGANsCLI = build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.fast_dev_run", "true"])
    assert not isinstance(cli.trainer.strategy, AlternatingDDP)


class Built(LightningGANsCLI):
    """Builds the objects of a command without running it."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def test_ddp_with_one_device_is_our_strategy() -> None:
    cli = build(
        ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.strategy", "ddp", "--trainer.devices", "1"], Built
    )
    assert isinstance(cli.trainer.strategy, AlternatingDDP)
    assert cli.trainer.strategy.sync_batchnorm


@pytest.mark.parametrize("strategy", ["auto", "lightning_gans.distributed.strategy.AlternatingDDP"])
def test_synchronized_batch_norm_can_be_switched_off(strategy: str) -> None:
    arguments = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.strategy", strategy]
    arguments += ["--trainer.sync_batchnorm", "false"]
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, *arguments], Built)
    assert isinstance(cli.trainer.strategy, AlternatingDDP)
    assert not cli.trainer.strategy.sync_batchnorm


def test_forked_processes_use_the_folder_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    strategy = ["--trainer.strategy", "lightning_gans.distributed.strategy.AlternatingDDP"]
    strategy += ["--trainer.strategy.start_method", "fork", "--trainer.devices", "2", "--trainer.accelerator", "cpu"]
    short = ["--trainer.max_steps", "1", "--evaluation.extractor", "null", "--best.monitor", "loss/g"]
    build(["fit", "--config", "dcgan/digits", *SHORT, *strategy, *short])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("last checkpoint: ")]
    assert Path(line.removeprefix("last checkpoint: ")).is_file()
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["version_0"]


@pytest.mark.slow
def test_the_tutorials_own_variant_runs_from_a_file_beside_the_user() -> None:
    tutorial = (ROOT / "docs" / "tutorial.md").read_text()
    code = tutorial.split("```python\n# my_gan.py\n")[1].split("```")[0]
    assert len(code.splitlines()) < 40
    Path("my_gan.py").write_text(code)
    arguments = ["--config", "dcgan/digits", *SHORT, "--model", "my_gan.MyGAN", "--model.margin", "2"]
    # The installed command, whose own folder is on Python's path in place of the user's.
    tested = ["test", "--config", "runs/dcgan-digits/version_0/config.yaml", "--ckpt_path", "best"]
    command = "import sys; sys.path.remove(''); from lightning_gans.cli.train import run; run()"
    command += f"; sys.argv[1:] = {tested}; run()"
    done = subprocess.run(
        [sys.executable, "-c", command, "fit", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    saved = yaml.safe_load(Path("runs/dcgan-digits/version_0/config.yaml").read_text())
    assert saved["model"]["class_path"] == "my_gan.MyGAN"
    assert saved["model"]["init_args"]["margin"] == 2
    assert "\nfid " in done.stdout, done.stderr


@pytest.mark.slow
def test_at_the_optimum_all_modes_are_found_and_d_says_one_half() -> None:
    cli = build(["fit", "--config", "gan/grid", *QUIET])
    model, data = cli.model, cli.datamodule
    assert isinstance(model, GAN)
    assert isinstance(data, GaussianGridDataModule)
    model.eval()
    data.setup("test")
    with torch.no_grad():
        generated = model(model.latent(9000, "modes"))
        real = data.on_after_batch_transfer(data.splits["test"][list(range(9000))], 0).images
        judged = [model.discriminator(images).sigmoid() for images in (real, generated)]
    modes = data.modes(generated)
    hits = torch.bincount(modes[modes >= 0], minlength=9)
    # 1,000 each if all were equal and none strayed between the modes.
    assert hits.min() > 300, hits
    scores = json.loads(Path("runs/gan-grid/version_0/scores.jsonl").read_text().splitlines()[-1])["scores"]
    assert scores["val/modes"] == 9
    assert scores["val/within_modes"] > 0.5
    for value in judged:
        assert value.mean().item() == pytest.approx(0.5, abs=0.05)
    with Path("runs/gan-grid/version_0/metrics.csv").open(newline="") as file:
        logged = [row for row in csv.DictReader(file) if row["logit/real"]]
    # D(x) as it was logged over the last tenth of the run.
    late = [float(row["logit/real"]) for row in logged[-len(logged) // 10 :]]
    assert torch.tensor(late).sigmoid().mean().item() == pytest.approx(0.5, abs=0.05)
