"""The command line, as a user meets it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import datamodules
import lightning_gans.networks
import lightning_gans.variants
from datamodules import CIFAR10DataModule, GaussianGridDataModule
from lightning_gans import load
from lightning_gans.cli.train import LightningGANsCLI, build, run
from lightning_gans.core.errors import InputError
from lightning_gans.core.pixels import to_uint8
from lightning_gans.core.shipped_configs import config_folder, config_names, find_config
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import LatentGAN
from lightning_gans.networks import Discriminator, Generator
from lightning_gans.variants import DCGAN, GAN
from tests.datamodules.test_sets import idx
from tests.support.paths import ROOT
from tests.support.small_archives import small_archives

SMALL = ["--model.generator.width", "2", "--model.discriminator.width", "2", "--data.batch_size", "256"]
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
SHORT = [*SMALL, *QUIET, "--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1"]

BASES = {
    "SyntheticFacadesDataModule": "pix2pix/synthetic",
    "PairedImageDataModule": "pix2pix/facades",
    "UnpairedImageDataModule": "cyclegan/horse2zebra",
}
"""A config with a model for data that the quickstart's model cannot use."""

CONFIGS = sorted(path for path in config_folder().rglob("*.yaml") if path.parent.name != "sweeps")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    """A folder in the layout of torchvision's MNIST, with a few made-up images."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 100), ("t10k", 20)):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx((np.arange(count) % 10).astype(np.uint8)))
    return tmp_path / "data"


# Every shipped config.


def test_configs_are_found() -> None:
    assert len(CONFIGS) >= 20
    assert config_names() == sorted(path.relative_to(config_folder()).with_suffix("").as_posix() for path in CONFIGS)


class SmallCIFAR:
    """In place of torchvision's class, which wants files with the published checksums."""

    def __init__(self, root: Path, train: bool, download: bool = False) -> None:
        self.data = np.random.default_rng(int(train)).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
        self.targets = list(range(10)) * 4


@pytest.fixture
def small_sets(small_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What to add to a command for each data module, so that it finds a few made-up images."""
    for name in ("FashionMNIST", "KMNIST"):
        (small_mnist / name).symlink_to(small_mnist / "MNIST")
    monkeypatch.setattr(CIFAR10DataModule, "dataset", SmallCIFAR)
    pictures = small_mnist / "pictures"
    pictures.mkdir()
    for index, pixels in enumerate(SmallCIFAR(pictures, train=True).data):
        Image.fromarray(pixels).save(pictures / f"{index}.png")
    archives, two = small_archives(tmp_path / "archives"), ["--data.eval_batch_size", "2"]
    few = ["--data.val_size", "8", "--data.batch_size", "8"]
    from_root = ["--data.root", str(small_mnist), *few]
    return {
        "DigitsDataModule": [],
        "GaussianGridDataModule": [],
        "MNISTDataModule": from_root,
        "FashionMNISTDataModule": from_root,
        "KMNISTDataModule": from_root,
        "CIFAR10DataModule": from_root,
        "StackedMNISTDataModule": [*from_root, "--data.train_size", "32"],
        "ImageFolderDataModule": ["--data.root", str(pictures), *few],
        "SyntheticFacadesDataModule": ["--data.train_size", "4", "--data.val_size", "2"],
        "PairedImageDataModule": ["--data.root", str(archives / "pix2pix"), "--data.num_workers", "0", *two],
        "UnpairedImageDataModule": ["--data.root", str(archives / "cyclegan"), *two],
    }


def data_module(content: dict[str, Any]) -> str:
    """The class of a config's data."""
    data = content.get("data", "DigitsDataModule")
    return str(data if isinstance(data, str) else data["class_path"]).rpartition(".")[2]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.relative_to(config_folder()).as_posix())
def test_every_shipped_config_runs(config: Path, small_sets: dict[str, list[str]]) -> None:
    content = yaml.safe_load(config.read_text())
    data = data_module(content)
    arguments = ["fit", "--trainer.fast_dev_run", "true", *QUIET]
    base = BASES.get(data, "dcgan/digits")
    if "model" in content:
        arguments += ["--config", str(config)]
    else:  # what is put on top of a run
        arguments += ["--config", base, "--config", str(config)]
    arguments += small_sets.get(data, [])
    if data in BASES:  # the papers' widths take minutes; see the slow tests
        arguments += ["--model.generator.width", "4", "--model.discriminator.width", "4"]
    # Inception's weights are a download.
    if any("InceptionFeatures" in Path(find_config(name)).read_text() for name in (str(config), base)):
        arguments += ["--evaluation.extractor", "DigitFeatures"]
    cli = build(arguments)
    assert cli.trainer.global_step == 1


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.relative_to(config_folder()).as_posix())
def test_every_shipped_config_says_what_it_is_in_few_lines_and_short_names(config: Path) -> None:
    text = config.read_text()
    assert text.startswith("# ")
    assert config.stem != "mnist" or len(text.splitlines()) <= 25
    assert max(map(len, text.splitlines())) <= 120
    if config.parent.name != "logger" and config.stem != "base":
        assert "lightning_gans." not in text
        assert "datamodules." not in text
        assert "logger" not in yaml.safe_load(text).get("trainer", {})


def test_a_config_is_found_by_name_unless_a_file_has_that_name(tmp_path: Path) -> None:
    assert find_config("dcgan/mnist") == str(config_folder() / "dcgan" / "mnist.yaml")
    (tmp_path / "dcgan").mkdir()
    (tmp_path / "dcgan" / "mnist").write_text("{}")
    assert find_config("dcgan/mnist") == "dcgan/mnist"
    with pytest.raises(InputError, match="did you mean dcgan/mnist"):
        find_config("dcgan/mnits")


# fit, validate, test, predict.


def scores(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def test_fit_then_resume_test_validate_predict_in_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    build(["fit", "--config", "dcgan/digits", *SHORT])
    folder = Path("runs/dcgan-digits/version_0")
    printed = capsys.readouterr().out
    for shown in (
        "grid: ",
        "timeline: ",
        "curves: ",
        "val/fid",
        "ema weights",
        "best checkpoint: ",
        "last checkpoint: ",
    ):
        assert shown in printed
    for line in printed.splitlines():
        label, _, path = line.partition(": ")
        if label in ("grid", "timeline", "curves", "best checkpoint", "last checkpoint", "run"):
            assert Path(path).exists()

    build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    assert [line["epoch"] for line in scores(folder)] == [1, 2, 3]
    grids = sorted(path.name for path in (folder / "samples").glob("*.png"))
    assert {path.name for path in folder.glob("*.yaml")} == {"config.yaml", "config-2.yaml", "hparams.yaml"}

    curve = (folder / "metrics.csv").read_text().splitlines()
    saved = ["--config", str(folder / "config.yaml"), *QUIET]
    build(["test", *saved, "--ckpt_path", "best"])
    build(["validate", *saved, "--ckpt_path", "last"])
    build(["predict", *saved, "--ckpt_path", "best", "--trainer.limit_predict_batches", "1"])
    assert [next(iter(line["scores"])) for line in scores(folder)[3:]] == ["test/kid", "val/kid"]
    assert scores(folder)[4] == scores(folder)[2]
    assert sorted(path.name for path in (folder / "samples").glob("epoch-*.png")) == grids
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Testing adds rows to the curve and takes none away.
    assert [row["val/fid"] for row in rows if row["epoch"]][: len(curve) - 1] == [
        row["val/fid"] for row in csv.DictReader(curve)
    ]
    assert len(rows) > len(curve) - 1
    predicted = [np.asarray(Image.open(path)) for path in sorted((folder / "predictions").glob("*.png"))]
    assert len(predicted) == 500
    sampled = to_uint8(load(folder).sample(500, seed=0))[:, 0].numpy()
    assert np.abs(np.stack(predicted).astype(int) - sampled).max() <= 1
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["version_0"]


def test_a_test_leaves_its_results_and_a_grid(capsys: pytest.CaptureFixture[str]) -> None:
    build(["fit", "--config", "dcgan/digits", *SHORT])
    folder = Path("runs/dcgan-digits/version_0")
    saved = ["--config", str(folder / "config.yaml"), *QUIET, "--ckpt_path", "best"]
    capsys.readouterr()
    build(["test", *saved])
    paths = dict(line.split(": ") for line in capsys.readouterr().out.splitlines() if line.startswith(("grid", "res")))
    assert paths["results"] == str(folder / "results.json")
    assert Path(paths["grid"]).parent == folder / "samples"
    with Image.open(paths["grid"]) as grid, Image.open(sorted((folder / "samples").glob("epoch-*.png"))[0]) as other:
        assert grid.size == other.size
    results = json.loads(Path(paths["results"]).read_text())
    assert results["measurements"] == scores(folder)[-1:]
    assert results["measurements"][0]["stamp"]["split"] == "all"
    assert results["config"]["model"]["class_path"] == "lightning_gans.variants.DCGAN"
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


def test_a_runs_own_config_means_that_run_and_else_the_newest_is_taken() -> None:
    for _ in range(2):
        build(["fit", "--config", "dcgan/digits", *SHORT])
    first, second = Path("runs/dcgan-digits/version_0"), Path("runs/dcgan-digits/version_1")
    build(["test", "--config", str(first / "config.yaml"), *QUIET, "--ckpt_path", "best"])
    assert (len(scores(first)), len(scores(second))) == (3, 2)
    build(["test", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "best"])
    assert (len(scores(first)), len(scores(second))) == (3, 3)


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # it has, and Lightning says so to the user
def test_a_new_run_and_one_from_another_checkpoint_get_folders_of_their_own() -> None:
    build(["fit", "--config", "dcgan/digits", *SHORT])
    last = Path("runs/dcgan-digits/version_0/checkpoints/last.ckpt")
    before = last.read_bytes()
    best = "runs/dcgan-digits/version_0/checkpoints/best.ckpt"
    build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", best])
    assert last.read_bytes() == before
    assert Path("runs/dcgan-digits/version_1/checkpoints/last.ckpt").is_file()


def test_a_checkpoint_of_the_command_line_loads_by_itself() -> None:
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, "--model.n_critic", "2"])
    path = "runs/dcgan-digits/version_0/checkpoints/last.ckpt"
    model = LatentGAN.load_from_checkpoint(path)
    assert isinstance(model, DCGAN)
    assert model.sides["g"].interval == 2
    latent = torch.randn(2, 100)
    assert torch.equal(model.eval()(latent), cli.model.eval()(latent))
    assert set(torch.load(path, weights_only=True)["hyper_parameters"]["generator"]) == {"class_path", "init_args"}


# What is given beside a checkpoint wins or is refused.


def test_values_beside_a_checkpoint_win_or_are_refused() -> None:
    base = ["fit", "--config", "dcgan/digits", *SHORT]
    build(base)
    again = [*base, "--trainer.max_epochs", "3", "--ckpt_path", "last"]
    with pytest.raises(
        InputError, match=r"model\.optimizer_g\.init_args\.lr is 0\.5 here but 0\.\d+ in the checkpoint"
    ):
        build([*again, "--model.optimizer_g.lr", "0.5"])
    with pytest.raises(InputError, match="seed_everything is 7 here but 0"):
        build([*again, "--seed_everything", "7"])
    with pytest.raises(InputError, match=r"model\.generator\.init_args\.width is 3 here but 2 in the checkpoint"):
        build([*again, "--model.generator.width", "3"])
    cli = build([*again, "--model.n_critic", "2", "--model.clip_g", "0.25"])
    assert cli.model.sides["g"].interval == 2
    assert cli.model.sides["g"].clip == 0.25
    assert cli.trainer.current_epoch == 3


def test_whole_numbers_stay_whole_and_shares_stay_shares() -> None:
    base = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.limit_val_batches"]
    assert build([*base, "1", "--trainer.limit_train_batches", "1"]).trainer.global_step == 2
    assert build([*base, "1", "--trainer.limit_train_batches", "1.0"]).trainer.global_step == 14


def test_no_checkpoint_to_resume_from_is_refused_and_not_a_new_run() -> None:
    with pytest.raises(InputError, match="ckpt_path is last, but no run in runs/dcgan-digits has one"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "last"])
    with pytest.raises(InputError, match="ckpt_path is last, but there is no logger"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "last", "--trainer.logger", "false"])
    with pytest.raises(InputError, match=r"ckpt_path is nowhere\.ckpt, which does not exist"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "nowhere.ckpt"])


# Loggers by one line.


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
    assert {"checkpoints", "samples", "config.yaml", "scores.jsonl"} <= {path.name for path in folder.iterdir()}
    build([*arguments, "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    wandb.finish()
    assert list(Path("runs/lightning-gans").iterdir()) == [folder]
    assert [line["epoch"] for line in scores(folder)] == [1, 2, 3]


def test_wandb_beside_another_logger_goes_on_with_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    csv = {
        "class_path": "lightning_gans.runs.csv_logger.ResumableCSVLogger",
        "init_args": {"save_dir": "runs", "name": "two"},
    }
    online = {"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": {"save_dir": "runs", "offline": True}}
    Path("two.yaml").write_text(yaml.safe_dump({"trainer": {"logger": [csv, online]}}))
    arguments = ["fit", "--config", "dcgan/digits", "--config", "two.yaml", *SHORT]
    ids = []
    for more in ([], ["--trainer.max_epochs", "3", "--ckpt_path", "last"]):
        build([*arguments, *more])
        assert wandb.run is not None
        ids.append(wandb.run.id)
        wandb.finish()
    assert ids[0] == ids[1]
    assert [path.name for path in Path("runs/two").iterdir()] == ["version_0"]


def test_a_requeued_job_goes_on_in_its_folder_and_wandb_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = ["fit", "--config", "dcgan/digits", "--config", "logger/wandb", *SHORT]
    arguments += ["--trainer.logger.offline", "true", "--trainer.logger.version", "job_7", "--ckpt_path", "auto"]
    for epochs in ("1", "2"):
        cli = build([*arguments, "--trainer.max_epochs", epochs])
        assert wandb.run is not None
        assert wandb.run.id == "job_7"
        wandb.finish()
    assert cli.trainer.global_step == 14
    assert [path.name for path in Path("runs/lightning-gans").iterdir()] == ["job_7"]
    assert [line["epoch"] for line in scores(Path("runs/lightning-gans/job_7"))] == [1, 2]


def test_tensorboard_by_one_line() -> None:
    build(["fit", "--config", "dcgan/digits", "--config", "logger/tensorboard", *SHORT])
    folder = Path("runs/dcgan-digits/version_0")
    assert list(folder.glob("events.out.tfevents.*"))
    assert (folder / "checkpoints" / "last.ckpt").is_file()


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trainer.max_epoch", "3"], "trainer.max_epoch is not a known key; did you mean trainer.max_epochs"),
        (["--model.generator.widht", "3"], "model.generator.widht is not a known key; did you mean width"),
        (["--model.n_critc", "2"], "model.n_critc is not a known key; did you mean n_critic"),
        (["--model.generator.width", "abc"], "model.generator.width is abc; expected int"),
        (["--model.optimizer_g.lr", "x"], "model.optimizer_g.lr is x; expected float"),
        (["--trainer.max_epochs", "abc"], "trainer.max_epochs is abc; expected int or null"),
        (["--model", "DGCAN"], "model is DGCAN, which is no known class; did you mean DCGAN"),
        (["--model", "my_gan.MyGAN"], "model is my_gan.MyGAN, which cannot be imported here (No module named 'my"),
        (["--model.generator", "DCGANGenerater"], "no known class; did you mean DCGANGenerator"),
        (["--model.generator", "PatchGAN"], "model.generator is PatchGAN, a class of another kind than is expected"),
        (
            ["--model.generator", "lightning_gans.networks.PatchGAN"],
            "model.generator is lightning_gans.networks.PatchGAN; expected a subclass of Generator",
        ),
        (["--data", "SyntheticFacadesDataModule"], "whose images are of two domains; DCGAN expects one domain"),
        (["--model.generator.width", "0"], "model.generator.width is 0; expected at least 1"),
        (["--model.generator.channels", "3"], "model.generator.channels is 3 but the data has 1"),
        (["--data.size", "30"], "model.generator.size is 30; expected one of [28, 32, 64]"),
        (["--ema.decay", "2"], "ema.decay is 2.0; expected at least 0 and less than 1"),
        (
            ["--model.penalty", "R1", "--model.penalty.interval", "0"],
            "model.penalty.interval is 0; expected at least 1",
        ),
        (["--config", "nothing"], "--config is nothing, which is neither a file nor a shipped config"),
        (["--config", "bad.yaml"], "model.generator.widht is not a known key; did you mean width"),
        (["--config", "bad.yaml"], "(in bad.yaml)"),
        (["--evaluation.extractor", "InceptionFeatures", "--evaluation.extractor.weights", "no.pth"], "no.pth"),
    ],
)
def test_bad_input_is_one_line_and_status_two(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text("model: {init_args: {generator: {init_args: {widht: 3}}}}")
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit", "--config", "dcgan/digits", *QUIET, *arguments])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("lightning-gans: error: ")
    assert message in line
    assert not Path("runs").exists()


def test_a_score_that_nobody_measures_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--best.monitor", "val/nothing"]
    monkeypatch.setattr(sys, "argv", ["lightning-gans", *arguments])
    with pytest.raises(SystemExit):
        run()
    assert "lightning-gans: error: `ModelCheckpoint(monitor='val/nothing')`" in capsys.readouterr().err


def test_a_batch_that_the_data_cannot_fill_is_refused_before_training() -> None:
    with pytest.raises(InputError, match=r"data\.batch_size is 5000 on 1 process\(es\), but there are 1797"):
        build(["fit", "--config", "dcgan/digits", *QUIET, "--data.batch_size", "5000"])


def test_a_missing_model_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit"])
    with pytest.raises(SystemExit):
        run()
    assert "model" in capsys.readouterr().err


def test_conditional_networks_on_unlabelled_data_are_refused(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "cgan/mnist", "--data", "ImageFolderDataModule", "--data.size", "28", *QUIET]
    with pytest.raises(InputError, match=r"model\.generator\.num_classes is 0, as of data without labels"):
        build([*arguments, *small_sets["ImageFolderDataModule"]])
    assert not Path("runs").exists()


def test_a_size_that_the_networks_cannot_make_is_refused(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "dcgan/paper", *QUIET, *small_sets["ImageFolderDataModule"]]
    with pytest.raises(InputError, match=r"model\.generator\.size is 48; expected one of \[28, 32, 64\]"):
        build([*arguments, "--data.size", "48", "--evaluation.extractor", "DigitFeatures"])


def test_points_cannot_be_drawn() -> None:
    with pytest.raises(
        InputError, match=r"samples\.count is 4; expected 0, as the data's images have 2 channels, not 1 or 3"
    ):
        build(["fit", "--config", "gan/grid", *QUIET, "--samples.count", "4"])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"data\.root is nothing, which holds no images"):
        build(["fit", "--config", "dcgan/paper", *QUIET, "--data.root", "nothing"])


# Help and printed config.


@pytest.fixture(scope="module")
def shell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command in a process of its own."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lightning_gans", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return call


Shell = Callable[..., "subprocess.CompletedProcess[str]"]


WIDE = {"COLUMNS": "10000"}
"""So wide a terminal that help does not break lines within names."""


def test_help_lists_only_our_variants_and_networks(shell: Shell) -> None:
    text = " ".join(shell("fit", "--help", **WIDE).stdout.split())
    listed = [part.split(")")[0] for part in text.split("known subclasses: ")[1:]]
    (data,) = [names for names in listed if "datamodules." in names]
    exported = {f"datamodules.{name}" for name in datamodules.__all__}
    assert set(data.split(", ")) == {"lightning.LightningDataModule", *exported}
    (variants,) = [names for names in listed if "lightning_gans.variants." in names]
    finished = {f"lightning_gans.variants.{name}" for name in lightning_gans.variants.__all__}
    assert set(variants.split(", ")) == finished
    text = " ".join(shell("fit", "--model.help", "DCGAN", **WIDE).stdout.split())
    networks = [part.split(")")[0].split(", ") for part in text.split("known subclasses: ")[1:]]
    for names, base in zip(networks[:2], (Generator, Discriminator), strict=True):
        ours = {name: getattr(lightning_gans.networks, name) for name in lightning_gans.networks.__all__}
        expected = [name for name, network in ours.items() if issubclass(network, base) and network is not base]
        assert set(names) == {f"lightning_gans.networks.{name}" for name in expected}


def test_configs_lists_names_without_loading_torch(shell: Shell) -> None:
    done = shell("configs", PYTHONPROFILEIMPORTTIME="1")
    assert "dcgan/mnist" in done.stdout
    assert "torch" not in done.stderr


def test_version(shell: Shell) -> None:
    assert shell("--version").stdout.split()[0] == "lightning-gans"


def test_networks_follow_the_datas_size() -> None:
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, "--data.size", "64", "--trainer.fast_dev_run", "true"])
    assert cli.model.generator.size == cli.model.discriminator.size == 64


def test_a_printed_config_can_be_run_again(shell: Shell) -> None:
    printed = shell("fit", "--config", "dcgan/digits", *SHORT, "--print_config")
    Path("mine.yaml").write_text(printed.stdout)
    done = shell("fit", "--config", "mine.yaml", "--trainer.fast_dev_run", "true")
    assert done.returncode == 0, done.stderr


def test_two_devices_get_the_strategy_for_alternating_steps(shell: Shell) -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--data.batch_size", "128", "--trainer.accelerator", "cpu"]
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


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        ("fsdp", "splits weights, gradients and optimizers' states"),
        ("deepspeed_stage_2", "splits weights, gradients and optimizers' states"),
        ("ddp_find_unused_parameters_true", "expects every parameter in every backward pass"),
    ],
)
def test_strategies_that_would_train_wrongly_are_refused_with_a_reason(strategy: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"trainer\.strategy is {strategy}, which {reason}.*expected 'auto'"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.strategy", strategy])
    assert not Path("runs").exists()


def test_auto_wants_the_name_of_a_run_and_starts_it_where_there_is_none() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "auto"]
    with pytest.raises(InputError, match=r"ckpt_path is auto.*expected trainer\.logger\.version"):
        build(arguments)
    arguments += ["--trainer.logger.version", "mine"]
    assert build(arguments).trainer.global_step == 14
    cli = build([*arguments, "--trainer.max_epochs", "3"])
    assert cli.config.fit.ckpt_path == "runs/dcgan-digits/mine/checkpoints/last.ckpt"
    assert cli.trainer.global_step == 21
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["mine"]


def test_how_a_run_is_measured_does_not_change_how_it_trains() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.fast_dev_run", "true", "--evaluation.extractor"]
    one, other = (build([*arguments, extractor]).model.state_dict() for extractor in ("DigitFeatures", "null"))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_one_device_needs_no_strategy() -> None:
    cli: LightningGANsCLI = build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.fast_dev_run", "true"])
    assert not isinstance(cli.trainer.strategy, AlternatingDDP)


# Objective x network x data is a matter of configs.


def test_a_conditional_wgan_gp_takes_no_code(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "wgan_gp/mnist", *small_sets["MNISTDataModule"], "--trainer.fast_dev_run", "true"]
    arguments += ["--model.generator", "ConditionalDCGANGenerator"]
    cli = build([*arguments, *QUIET, "--model.discriminator", "ConditionalDCGANDiscriminator"])
    assert isinstance(cli.model, lightning_gans.variants.WGANGP)
    assert cli.model.generator.num_classes == cli.model.discriminator.num_classes == 10


def test_the_readmes_own_variant_runs_from_a_file_beside_the_user(shell: Shell) -> None:
    readme = (ROOT / "README.md").read_text()
    code = readme.split("```python\n# my_gan.py\n")[1].split("```")[0]
    assert len(code.splitlines()) < 40
    Path("my_gan.py").write_text(code)
    arguments = ["--config", "dcgan/digits", *SHORT, "--model", "my_gan.MyGAN", "--model.margin", "2"]
    # The installed command, whose own folder is on Python's path in place of the user's.
    command = "import sys; sys.path.remove(''); from lightning_gans.cli.train import run; run()"
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
    done = shell("test", "--config", "runs/dcgan-digits/version_0/config.yaml", "--ckpt_path", "best")
    assert "test/fid" in done.stdout, done.stderr


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
    for value in judged:
        assert value.mean().item() == pytest.approx(0.5, abs=0.05)
    with Path("runs/gan-grid/version_0/metrics.csv").open(newline="") as file:
        logged = [row for row in csv.DictReader(file) if row["logit/real"]]
    # D(x) as it was logged over the last tenth of the run.
    late = [float(row["logit/real"]) for row in logged[-len(logged) // 10 :]]
    assert torch.tensor(late).sigmoid().mean().item() == pytest.approx(0.5, abs=0.05)
