"""A class that replaces another one on the command line: what it takes of the other's arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import Namespace

from lightning_gans.callbacks import CALLBACKS
from lightning_gans.cli.config_arguments import expand_configs, sources
from lightning_gans.cli.replaced_classes import describe_replaced
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError

PIX2PIX = ["fit", "pix2pix/synthetic"]
DIGITS = ["fit", "dcgan/digits"]
RESNET = ["--model.generator", "ResNetTranslator"]

MINE = {
    "model": {
        "init_args": {
            "generator": {"class_path": "ResNetTranslator", "init_args": {"blocks": 2}},
            "optimizer_g": {"init_args": {"lr": 0.5}},
        }
    }
}

LINES: dict[str, list[str]] = {
    "network": [*PIX2PIX, *RESNET],
    "typed after": [*PIX2PIX, *RESNET, "--model.generator.width", "24"],
    "typed before": [*PIX2PIX, "--model.generator.width", "24", *RESNET],
    "the same class": [*PIX2PIX, "--model.generator", "UNet"],
    "a further config": [*PIX2PIX, "--config", "mine.yaml"],
    "penalty": [*DIGITS, "--model.penalty", "GradientPenalty"],
    "optimizer": [*DIGITS, "--model.optimizer_g", "torch.optim.RMSprop"],
    "schedule": ["fit", "r3gan/paper", "--model.scheduler_g", "LinearDecay", "--model.scheduler_g.start", "0.25"],
    "schedule of a weight": ["fit", "r3gan/paper", "--model.penalty", "R1"],
    "objective": ["fit", "--model", "LSGAN", "--data", "DigitsDataModule", "--model.objective", "Hinge"],
    "extractor": [*DIGITS, "--config", "features.yaml", "--evaluation.extractor", "InceptionFeatures"],
    "variant": [*DIGITS, "--model", "R3GAN"],
    "data": ["fit", "dcgan/cifar10", "--data", "ImageFolderDataModule", "--data.root", "x", "--data.size", "32"],
    "nothing is replaced": [*DIGITS, "--model.optimizer_g.lr", "1e-4"],
}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Namespace]:
    """The config of each of the lines, and its messages as ``said``."""
    folder = tmp_path_factory.mktemp("configs")
    (folder / "mine.yaml").write_text(yaml.safe_dump(MINE))
    features = {"class_path": "TorchvisionFeatures", "init_args": {"network": "resnet50", "weights": "there.pth"}}
    (folder / "features.yaml").write_text(yaml.safe_dump({"evaluation": {"extractor": features}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        configs = dict(zip(LINES, (config.fit for config in parse_all(list(LINES.values()))), strict=True))
        for name, config in configs.items():
            config.said = describe_replaced(config, CALLBACKS, sources(expand_configs(LINES[name])))
    return configs


def arguments(config: Namespace, name: str) -> dict[str, Any]:
    """What a part of the model is given."""
    return dict(config.model.init_args[name].init_args.items(branches=True, nested=False))


def test_a_network_takes_nothing_that_a_config_gave_to_another(parsed: dict[str, Namespace]) -> None:
    config = parsed["network"]
    assert config.model.init_args.generator.class_path.endswith(".ResNetTranslator")
    assert arguments(config, "generator")["width"] == 64  # not the U-Net's 32
    assert config.said == [
        "model.generator is ResNetTranslator in place of UNet; not taken over: width, dropout",
    ]


@pytest.mark.parametrize("line", ["typed after", "typed before"])
def test_what_was_typed_is_kept(line: str, parsed: dict[str, Namespace]) -> None:
    assert arguments(parsed[line], "generator")["width"] == 24
    assert parsed[line].said == ["model.generator is ResNetTranslator in place of UNet; not taken over: dropout"]


@pytest.mark.parametrize("line", ["the same class", "nothing is replaced"])
def test_the_same_class_keeps_its_arguments(line: str, parsed: dict[str, Namespace]) -> None:
    assert arguments(parsed[line], "generator")["width"] == 32
    assert parsed[line].said == []


def test_a_further_config_replaces_as_the_command_line_does(parsed: dict[str, Namespace]) -> None:
    config = parsed["a further config"]
    assert {"width": 64, "blocks": 2}.items() <= arguments(config, "generator").items()
    assert arguments(config, "optimizer_g")["lr"] == 0.5
    assert arguments(config, "discriminator")["width"] == 32


@pytest.mark.parametrize(
    ("line", "part", "expected"),
    [
        ("penalty", "penalty", {"interval": 1}),  # 4 for the config's R1
        ("optimizer", "optimizer_g", {"lr": 0.01}),  # torch's, not the config's for Adam
        ("schedule", "scheduler_g", {"start": 0.25}),
        ("schedule of a weight", "penalty", {"weight": 1.0}),  # a schedule for the config's R1R2
    ],
)
def test_other_parts_take_nothing_either(
    line: str, part: str, expected: dict[str, Any], parsed: dict[str, Namespace]
) -> None:
    assert expected.items() <= arguments(parsed[line], part).items()
    assert len(parsed[line].said) == 1


def test_the_defaults_of_a_variant_for_another_class_are_not_mentioned(parsed: dict[str, Namespace]) -> None:
    assert parsed["objective"].model.init_args.objective.class_path.endswith(".Hinge")
    assert parsed["objective"].said == []


def test_weights_of_an_extractor_are_not_those_of_another(parsed: dict[str, Namespace]) -> None:
    assert parsed["extractor"].evaluation.extractor.init_args.weights is None
    assert parsed["extractor"].said == [
        "evaluation.extractor is InceptionFeatures in place of TorchvisionFeatures; not taken over: network, weights"
    ]


def test_another_variant_takes_the_recipe(parsed: dict[str, Namespace]) -> None:
    config = parsed["variant"]
    assert config.model.init_args.generator.class_path.endswith(".DCGANGenerator")
    assert arguments(config, "generator")["width"] == 32
    (said,) = config.said
    assert said.startswith("model is R3GAN in place of DCGAN; taken over: generator, discriminator, optimizer_g")


def test_other_data_take_the_recipe(parsed: dict[str, Namespace]) -> None:
    config = parsed["data"]
    assert {"val_size": 2000, "size": 32}.items() <= dict(config.data.init_args).items()
    assert config.said == [
        "data is ImageFolderDataModule in place of CIFAR10DataModule; taken over: val_size 2000",
    ]


def test_a_run_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"trainer\.strategy is none"), caplog.at_level("INFO"):
        build([*DIGITS, "--model.penalty", "GradientPenalty", "--trainer.strategy", "none"])
    assert "model.penalty is GradientPenalty in place of R1; not taken over: interval" in caplog.messages
