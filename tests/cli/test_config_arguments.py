"""Configs among the arguments, and the name that they give the run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lightning_gans.cli.config_arguments import config_paths, expand_configs, given_keys, run_name, sources
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_names, find_config

DATA = [name for name in config_names() if name.startswith("data/")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "dcgan/mnist", "data/kmnist", "--data.size", "32"],
        ["fit", "--config", "dcgan/mnist", "--config=data/kmnist", "--data.size", "32"],
        ["fit", "-c", "dcgan/mnist", "--data.size", "32", "-c", "data/kmnist"],
        ["fit", "dcgan/mnist", "--data.size", "32", "--config", "data/kmnist.yaml"],
    ],
)
def test_every_way_to_name_configs_means_the_same(arguments: list[str]) -> None:
    expanded = expand_configs(arguments)
    assert expanded[:2] == ["fit", "--trainer.logger.name=dcgan-mnist-kmnist"]
    assert config_paths(expanded) == [find_config("dcgan/mnist"), find_config("data/kmnist")]
    assert [part for part in expanded if part in ("--data.size", "32")] == ["--data.size", "32"]


@pytest.mark.parametrize("arguments", [[], ["fit"], ["fit", "--model", "DCGAN"], ["--help"], ["fit", "--config"]])
def test_arguments_without_configs_stay_as_they_are(arguments: list[str]) -> None:
    assert expand_configs(arguments) == arguments


def test_an_unknown_config_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean dcgan/mnist"):
        expand_configs(["fit", "dcgan/mnits"])


@pytest.mark.parametrize(
    ("configs", "name"),
    [
        (["dcgan/mnist"], "dcgan-mnist"),
        (["wgan_gp/mnist", "logger/wandb"], "wgan-gp-mnist"),
        (["logger/wandb", "r3gan/stacked_mnist"], "r3gan-stacked-mnist"),
        (["dcgan/mnist", "data/fashion_mnist"], "dcgan-mnist-fashion-mnist"),
        (["dcgan/mnist", "mine_2.yaml"], "dcgan-mnist"),
        (["mine_2.yaml", "data/digits"], "mine_2-digits"),
    ],
)
def test_configs_name_the_run(configs: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine_2.yaml").write_text("{}")
    assert run_name([find_config(config) for config in configs]) == name


def test_the_users_own_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("trainer: {logger: {init_args: {name: theirs}}}")
    Path("without.yaml").write_text("trainer: {logger: false}")
    lines = [
        ["fit", "dcgan/digits"],
        ["fit", "dcgan/digits", "mine.yaml"],
        ["fit", "dcgan/digits", "--trainer.logger.name", "theirs"],
    ]
    names = [config.fit.trainer.logger.init_args.name for config in parse_all(lines)]
    assert names == ["dcgan-digits", "theirs", "theirs"]
    (config,) = parse_all([["fit", "dcgan/digits", "without.yaml"]])
    assert config.fit.trainer.logger is False


@pytest.mark.parametrize("name", DATA)
def test_a_data_set_on_top_of_a_variants_config_takes_its_place(name: str) -> None:
    root = ["--data.root", "data"] if name == "data/image_folder" else []
    (config,) = parse_all(
        [["fit", "r3gan/paper", "--data.train_size", "64", "--data.size", "32", "--config", name, *root]]
    )
    data = yaml.safe_load(Path(find_config(name)).read_text())["data"]
    assert config.fit.data.class_path.rpartition(".")[2] == data
    # What the former data set was given stays where the new one has it too, and is dropped where not.
    assert config.fit.data.init_args.size == 32
    assert config.fit.data.init_args.get("train_size") in (None, 64)


def test_a_replaced_default_network_leaves_none_of_its_defaults_behind() -> None:
    model = ["fit", "--model", "LSGAN", "--data", "DigitsDataModule"]
    infogan = [*model, "--model.generator", "InfoGANGenerator"]
    lines = [model, infogan, [*infogan, "--model.generator.latent_dim", "1024"]]
    lines.append(["fit", "--model", "WGANGP", "--data", "DigitsDataModule", "--model.penalty", "R1"])
    default, replaced, given, penalty = (config.fit.model.init_args for config in parse_all(lines))
    assert default.generator.init_args.latent_dim == 1024
    assert replaced.generator.init_args.latent_dim == 64
    assert given.generator.init_args.latent_dim == 1024
    assert penalty.penalty.init_args.weight == 1.0  # not the 10 of WGANGP's own penalty


def test_sources_say_what_each_config_and_option_gives_to_which_class(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("model: {class_path: LSGAN, init_args: {generator: {init_args: {width: 4}}, penalty: null}}")
    config, option, inner = sources(["fit", "--config", str(file), "--model.generator", "UNet", "--data.size=32"])
    assert config.config == str(file)
    assert (config.classes["model"], config.classes["model.generator"]) == ("LSGAN", None)
    assert config.arguments("model") == ["generator", "penalty"]
    assert config.arguments("model.generator") == ["width"]
    assert (option.config, option.classes) == ("", {"model.generator": "UNet"})
    assert inner.mentions("data")
    assert not inner.mentions("data.si")


def test_given_keys_are_those_of_configs_and_of_arguments(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("class_path: LSGANGenerator\ninit_args: {width: 8}")
    (tmp_path / "my.yaml").write_text("model: {class_path: LSGAN, init_args: {generator: {init_args: {width: 4}}}}")
    arguments = [
        "fit",
        "--config",
        str(tmp_path / "my.yaml"),
        "--data.size=32",
        "--model.init_args.noise",
        "UniformNoise",
    ]
    keys = given_keys([*arguments, "--model.discriminator", str(tmp_path / "net.yaml")])
    assert {"model.generator.width", "data.size", "model.noise", "model.discriminator.width"} <= keys
    assert "model.generator.latent_dim" not in keys
