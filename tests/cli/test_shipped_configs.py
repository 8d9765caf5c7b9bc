"""Every shipped config runs, and says what it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

import lightning_gans.networks
import lightning_gans.variants
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder, config_names, find_config
from tests.support.command_line import QUIET
from tests.support.mean_colors import MEAN_COLORS
from tests.support.shell import shell

pytestmark = pytest.mark.usefixtures("empty_folder")

BASES = {
    "SyntheticFacadesDataModule": "pix2pix/synthetic",
    "PairedImageDataModule": "pix2pix/facades",
    "UnpairedImageDataModule": "cyclegan/horse2zebra",
}
"""A config with a model for data that the quickstart's model cannot use."""

PICTURES = ("FashionMNISTDataModule", "KMNISTDataModule", "ImageFolderDataModule")


LARGE = ("fastgan", "projected_gan", "stylegan2")
"""Folders of configs whose networks are large at any width of the data."""

CONFIGS = sorted(path for path in config_folder().rglob("*.yaml") if path.parent.name not in ("sweeps", "studies"))

FIRST = ("mnist", "digits", "synthetic", "houses")
"""Names of the configs that run in the fast tests, one of each folder; in a folder without them the first does."""


def in_fast_tests(config: Path) -> bool:
    """Whether a config runs in the fast tests: one of each variant, and all of data; the slow tests run the others."""
    names = sorted(path.stem for path in config.parent.glob("*.yaml"))
    first = next((name for name in FIRST if name in names), names[0])
    return config.parent.name in ("data", "logger") or config.stem == first


def test_configs_are_found() -> None:
    assert len(CONFIGS) >= 20
    assert config_names() == sorted(path.relative_to(config_folder()).with_suffix("").as_posix() for path in CONFIGS)


def data_module(content: dict[str, Any]) -> str:
    """The class of a config's data."""
    data = content.get("data", "DigitsDataModule")
    return str(data if isinstance(data, str) else data["class_path"]).rpartition(".")[2]


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, marks=() if in_fast_tests(path) else pytest.mark.slow) for path in CONFIGS],
    ids=lambda path: path.relative_to(config_folder()).as_posix(),
)
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
    if config.stem == "sagan_paper":
        arguments += [*small_sets["class folders"], "--data.size", "64"]
        arguments += ["--model.generator.attention", "32", "--model.discriminator.attention", "32"]
    if (
        data in (*BASES, "CIFAR10DataModule") or config.parent.name in LARGE or config.stem == "sagan_paper"
    ):  # the papers' widths take minutes; see the slow tests
        arguments += ["--model.generator.width", "8", "--model.discriminator.width", "8"]
    if config.parent.name == "semi_supervised_gan":
        arguments += ["--model.labelled", "10"]
    if config.parent.name == "stylegan2":
        arguments += ["--data.size", "32"]
    if config.stem == "facades_spade":
        arguments += ["--data.batch_size", "4"]  # as many as there are
    # Inception's weights are a download, and other features of pictures take seconds; CIFAR-10's are measured.
    texts = [Path(find_config(name)).read_text() for name in (str(config), base)]
    if data in PICTURES or any("InceptionFeatures" in text for text in texts):
        arguments += MEAN_COLORS
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


FACTS = {
    # "a uniform distribution within the unit hypercube", "decay factor of 1.00004" (Mirza and Osindero, section 4.1)
    ("cgan/paper", "noise"): {"class_path": "UniformNoise", "init_args": {"low": 0.0, "high": 1.0}},
    ("cgan/paper", "scheduler_g"): {"class_path": "DecayWithMomentum", "init_args": {"divisor": 1.00004}},
    ("cgan/paper", "scheduler_d"): {"class_path": "DecayWithMomentum", "init_args": {"divisor": 1.00004}},
    # mnist.yaml: irange .05, init_sigmoid_bias_from_marginals, ExponentialDecay 1.000004, which is the default here
    ("gan/paper", "generator.init_args"): {"init_bound": 0.05, "bias_from_data": True},
    ("gan/paper", "scheduler_g"): "DecayWithMomentum",
    # AdversaryCost2: D's loss is half the sum of both terms, at a rate of .1; here the whole sum, at half the rate
    ("gan/paper", "optimizer_d.init_args"): {"lr": 0.05, "momentum": 0.5},
    ("gan/paper", "optimizer_g.init_args"): {"lr": 0.1, "momentum": 0.5},
    # Table of hyperparameters, Stacked MNIST: gamma 1 to .1, beta2 .9 to .99 over 2 million images; batches of 64 here
    ("r3gan/paper", "penalty.init_args.weight.init_args"): {"start": 1.0, "end": 0.1, "steps": 2_000_000 // 64},
    ("r3gan/paper", "optimizer_d.init_args"): {"betas": [0.0, 0.9]},
    ("r3gan/paper", "scheduler_d.init_args"): {"beta2": 0.99, "steps": 2_000_000 // 64},
    # The CIFAR10 preset of the authors' train.py, over 20 million images in batches of 512
    ("r3gan/cifar10_paper", "generator.init_args"): {
        "conditional": True,
        "width": 768,
        "growth": 1,
        "group_size": 2 * 768 // 96,
    },
    ("r3gan/cifar10_paper", "penalty.init_args.weight.init_args"): {
        "start": 0.05,
        "end": 0.005,
        "steps": math.ceil(20_000_000 / 512),
    },
    ("r3gan/cifar10_paper", "scheduler_g.init_args"): {"lr": 5e-5, "beta2": 0.99, "steps": math.ceil(20_000_000 / 512)},
    ("r3gan/cifar10_paper", "augmentation.init_args"): {
        "p": {
            "class_path": "CosineSchedule",
            "init_args": {"start": 0.0, "end": 0.55, "steps": math.ceil(20_000_000 / 512)},
        },
        "target": None,
        "color": 0.5,
        "cutout": 1.0,
    },
    # Table 3, setting of the residual networks: alpha .0002, beta1 0, beta2 .9, n_dis 5
    ("sngan/cifar10_paper", "n_critic"): 5,
    ("sngan/cifar10_paper", "optimizer_d.init_args"): {"lr": 2e-4, "betas": [0.0, 0.9]},
    # Zhang et al., 2019, section 5: "Adam with beta1 = 0 and beta2 = 0.9", .0004 for D and .0001 for G
    ("sngan/sagan_paper", "optimizer_d.init_args"): {"lr": 4e-4, "betas": [0.0, 0.9]},
    ("sngan/sagan_paper", "optimizer_g.init_args"): {"lr": 1e-4, "betas": [0.0, 0.9]},
    # scripts/launch_cifar_ema.sh
    ("sngan/biggan_cifar10_paper", "n_critic"): 4,
    ("sngan/biggan_cifar10_paper", "optimizer_d.init_args"): {"lr": 2e-4, "betas": [0.0, 0.999]},
    # The configuration paper256 of the authors' train.py, in batches of 64
    ("stylegan2/paper", "penalty.init_args"): {"weight": 1.0},
    ("stylegan2/paper", "optimizer_g.init_args"): {"lr": 2.5e-3, "betas": [0.0, 0.99]},
    ("stylegan2/paper", "discriminator.init_args"): {"group_size": 8},
    # stacked_MNIST_experiments/VEEGAN_experiment: two packed images, 64 packs, Adam's defaults here; uniform(-1, 1)
    ("dcgan/pacgan", "packing"): 2,
    ("dcgan/pacgan", "noise"): "UniformNoise",
    # tflib/ops: the scales of the weights
    ("wgan_gp/paper", "discriminator.init_args"): {"batch_norm": False, "init": "he"},
}
"""Arguments of the model in configs of papers, by config and key."""


@pytest.mark.parametrize(("config", "key"), FACTS)
def test_papers_configs_have_the_papers_numbers(config: str, key: str) -> None:
    value = yaml.safe_load(Path(find_config(config)).read_text())["model"]["init_args"]
    for part in key.split("."):
        value = value[part]
    assert value == FACTS[config, key]


def test_a_config_is_found_by_name_unless_a_file_has_that_name(tmp_path: Path) -> None:
    assert find_config("dcgan/mnist") == str(config_folder() / "dcgan" / "mnist.yaml")
    (tmp_path / "dcgan").mkdir()
    (tmp_path / "dcgan" / "mnist").write_text("{}")
    assert find_config("dcgan/mnist") == "dcgan/mnist"
    with pytest.raises(InputError, match="did you mean dcgan/mnist"):
        find_config("dcgan/mnits")


def test_configs_lists_names_without_loading_torch() -> None:
    done = shell("configs", PYTHONPROFILEIMPORTTIME="1")
    assert "dcgan/mnist" in done.stdout
    assert "torch" not in done.stderr


def test_a_conditional_wgan_gp_takes_no_code(small_sets: dict[str, list[str]]) -> None:
    arguments = ["fit", "--config", "wgan_gp/mnist", *small_sets["MNISTDataModule"], "--trainer.fast_dev_run", "true"]
    arguments += ["--model.generator.conditional", "true", "--model.discriminator.conditional", "true"]
    cli = build([*arguments, *QUIET])
    assert isinstance(cli.model, lightning_gans.variants.WGANGP)
    assert cli.model.generator.num_classes == cli.model.discriminator.num_classes == 10
