"""Keys and values: what the command line accepts, and how it reports what it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import lightning_gans.networks
import lightning_gans.variants
from lightning_gans import datamodules
from lightning_gans.cli.train import build, run
from lightning_gans.core.errors import InputError
from lightning_gans.networks import Discriminator, Generator
from tests.support.command_line import QUIET, SHORT
from tests.support.shell import shell

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trainer.max_epoch", "3"], "trainer.max_epoch is not a known key; did you mean trainer.max_epochs"),
        (["--model.generator.widht", "3"], "model.generator.widht is not a known key; did you mean width"),
        (["--model.n_critc", "2"], "model.n_critc is not a known key; did you mean n_critic"),
        (["--model.generator.width", "abc"], "model.generator.width is abc; expected a whole number"),
        (["--model.optimizer_g.lr", "x"], "model.optimizer_g.lr is x; expected a number"),
        (["--trainer.max_epochs", "abc"], "trainer.max_epochs is abc; expected a whole number or null"),
        (["--data.size", "abc"], "data.size is abc; expected a whole number, or [height, width]"),
        (["--data.size", "[1, 2, 3]"], "data.size is [1, 2, 3]; expected a whole number, or [height, width]"),
        (["--evaluation.kid", "x"], "evaluation.kid is x; expected true or false"),
        (["--model", "DGCAN"], "model is DGCAN, which is no known class; did you mean DCGAN"),
        (["--model", "my_gan.MyGAN"], "model is my_gan.MyGAN, which cannot be imported here (No module named 'my"),
        (
            ["--model", "half_a_gan.MyGAN"],
            "model is half_a_gan.MyGAN, which cannot be imported here (cannot import name 'no_such_name' from 'json')",
        ),
        (["--model.generator", "DCGANGenerater"], "no known class; did you mean DCGANGenerator"),
        (["--model.generator", "PatchGAN"], "model.generator is PatchGAN, a class of another kind than is expected"),
        (
            ["--model.generator", "lightning_gans.networks.PatchGAN"],
            "model.generator is lightning_gans.networks.PatchGAN; expected a subclass of Generator",
        ),
        (["--data", "SyntheticFacadesDataModule"], "whose images are of two domains; DCGAN expects one domain"),
        (["--model.generator.width", "0"], "model.generator.width is 0; expected at least 1"),
        (["--model.generator.channels", "3"], "model.generator.channels is 3 but the data has 1"),
        (["--model.packing", "0"], "model.packing is 0; expected at least 1"),
        (
            ["--model.packing", "2", "--model.discriminator.channels", "1"],
            "model.discriminator.channels is 1 but the data has 1 and model.packing is 2; expected 2, or no value",
        ),
        (
            ["--model.packing", "2", "--model.generator.conditional", "true"],
            "model.packing is 2, but the networks use labels",
        ),
        (["--data.size", "30"], "model.generator.size is 30; expected sides that are multiples of 4, such as 32 or 28"),
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
    Path("half_a_gan.py").write_text("from json import no_such_name")
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit", "--config", "dcgan/digits", *QUIET, *arguments])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("lightning-gans: error: ")
    assert message in line
    assert not Path("runs").exists()


def test_a_score_that_nobody_measures_is_refused_before_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--best.monitor", "val/fidd"]
    monkeypatch.setattr(sys, "argv", ["lightning-gans", *arguments])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "error: best.monitor is val/fidd, which validation will not measure; expected one of val/" in line
    assert line.endswith("(did you mean val/fid?)")
    assert not list(Path("runs").rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["cgan/mnist", "--data", "DigitsDataModule", "--data.batch_size", "1"],
            "a training batch has 1 image(s) (data.batch_size), on which model.generator cannot be trained",
        ),
        (
            ["dcgan/digits", "--model.packing", "3"],
            "a training batch has 32 image(s) (data.batch_size), which packs of 3 cannot be made of",
        ),
    ],
)
def test_batches_that_networks_cannot_take_are_refused_before_training(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit", *arguments, *QUIET])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in line
    assert not list(Path("runs").rglob("*.ckpt"))


def test_a_missing_model_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit"])
    with pytest.raises(SystemExit):
        run()
    assert "model" in capsys.readouterr().err


def test_conditional_networks_on_unlabeled_data_are_refused(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "cgan/mnist", "--data", "ImageFolderDataModule", "--data.size", "28", *QUIET]
    with pytest.raises(InputError, match=r"model\.generator\.num_classes is 0, as of data without labels"):
        build([*arguments, *small_sets["ImageFolderDataModule"]])
    assert not Path("runs").exists()


def test_a_size_that_the_networks_cannot_make_is_refused(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "dcgan/paper", *QUIET, *small_sets["ImageFolderDataModule"]]
    with pytest.raises(InputError, match=r"model\.generator\.size is 50; expected sides that are multiples of 8"):
        build([*arguments, "--data.size", "50", "--evaluation.extractor", "DigitFeatures"])


def test_points_cannot_be_drawn() -> None:
    with pytest.raises(
        InputError, match=r"samples\.count is 4; expected 0, as the data's images are points in the plane, not pictures"
    ):
        build(["fit", "--config", "gan/grid", *QUIET, "--samples.count", "4"])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"data\.root is nothing, which holds no images"):
        build(["fit", "--config", "dcgan/paper", *QUIET, "--data.root", "nothing"])


def known_subclasses(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lists of classes in a command's help, without those of tests."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        build(list(arguments))
    text = " ".join(capsys.readouterr().out.split())
    listed = [part.split(")")[0].split(", ") for part in text.split("known subclasses: ")[1:]]
    return [", ".join(name for name in names if not name.startswith("tests.")) for names in listed]


def test_help_lists_only_our_variants_and_networks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "10000")  # so wide that help does not break lines within names
    listed = known_subclasses(capsys, "fit", "--help")
    (data,) = [names for names in listed if "lightning_gans.MNISTDataModule" in names]
    exported = {f"lightning_gans.{name}" for name in datamodules.__all__}
    assert set(data.split(", ")) == {"lightning.LightningDataModule", *exported}
    (variants,) = [names for names in listed if "lightning_gans.DCGAN" in names]
    finished = {f"lightning_gans.{name}" for name in lightning_gans.variants.__all__}
    assert set(variants.split(", ")) == finished
    networks = [names.split(", ") for names in known_subclasses(capsys, "fit", "--model.help", "DCGAN")]
    for names, base in zip(networks[:2], (Generator, Discriminator), strict=True):
        ours = {name: getattr(lightning_gans.networks, name) for name in lightning_gans.networks.__all__}
        expected = [name for name, network in ours.items() if issubclass(network, base) and network is not base]
        assert set(names) == {f"lightning_gans.networks.{name}" for name in expected}


def test_version() -> None:
    assert shell("--version").stdout.split()[0] == "lightning-gans"


def test_a_printed_config_can_be_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as printed:
        build(["fit", "--config", "dcgan/digits", *SHORT, "--print_config"])
    assert printed.value.code == 0
    Path("mine.yaml").write_text(capsys.readouterr().out)
    cli = build(["fit", "--config", "mine.yaml", "--trainer.fast_dev_run", "true"])
    assert cli.trainer.global_step == 1
    assert cli.model.generator.layers[0].out_channels == 4


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        ("fsdp", "shards weights, gradients and optimizer states"),
        ("deepspeed_stage_2", "shards weights, gradients and optimizer states"),
        ("ddp_find_unused_parameters_true", "expects every parameter in every backward pass"),
    ],
)
def test_strategies_that_would_train_wrongly_are_refused_with_a_reason(strategy: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"trainer\.strategy is {strategy}, which {reason}.*expected 'auto'"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.strategy", strategy])
    assert not Path("runs").exists()


def test_whole_numbers_stay_whole_and_shares_stay_shares() -> None:
    base = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.limit_val_batches"]
    assert build([*base, "1", "--trainer.limit_train_batches", "1"]).trainer.global_step == 2
    assert build([*base, "1", "--trainer.limit_train_batches", "1.0"]).trainer.global_step == 14


def test_networks_follow_the_datas_size() -> None:
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, "--data.size", "64", "--trainer.fast_dev_run", "true"])
    assert cli.model.generator.size == cli.model.discriminator.size == (64, 64)
