"""What is known of the training commands without torch is what the parser knows."""

from __future__ import annotations

import pytest

import lightning_gans.datamodules
import lightning_gans.variants
from lightning_gans.__main__ import TRAINING
from lightning_gans.cli.known_names import (
    KEYS,
    OTHER_NAMES,
    class_names,
    is_known_key,
    known_options,
    meant_class,
    other_name,
)
from lightning_gans.cli.sweep_check import parse_all


@pytest.mark.parametrize(
    "command", ["fit", *(pytest.param(each, marks=pytest.mark.slow) for each in TRAINING if each != "fit")]
)
def test_the_first_two_parts_of_keys_are_the_parsers(command: str) -> None:
    (config,) = parse_all([[command, "--config", "dcgan/digits"]])
    keys = [key.split(".") for key in config[command].keys()]  # noqa: SIM118 (a Namespace has no iterator)
    known = set(known_options(command))
    assert known - {"help", "print_config", "resume"} == {key[0] for key in keys} - {"__default_config__"}
    for first, seconds in KEYS.items():
        assert set(seconds) == {key[1] for key in keys if key[0] == first}


def test_what_other_programs_keys_are_called_here_exists() -> None:
    (config,) = parse_all([["fit", "dcgan/mnist", "data/image_folder", "--data.root", "x"]])
    keys = {key.replace(".init_args", "") for key in config.fit.keys(branches=True)}
    assert {ours for names in OTHER_NAMES.values() for ours in names} <= keys
    assert not set(OTHER_NAMES) & keys
    assert other_name("Learning-Rate") == other_name("lr") != ()


def test_the_classes_are_those_that_the_packages_list() -> None:
    assert class_names("model") == lightning_gans.variants.__all__
    assert class_names("data") == lightning_gans.datamodules.__all__


@pytest.mark.parametrize(
    ("key", "given", "meant"),
    [
        ("model", "wgan_gp", "WGANGP"),
        ("model", "cyclegan", "CycleGAN"),
        ("model", "DCGAN", None),
        ("model", "LatentGAN", None),
        ("data", "mnist", "MNISTDataModule"),
        ("data", "ImageFolder", "ImageFolderDataModule"),
        ("data", "MyDataModule", None),
    ],
)
def test_a_class_is_meant_by_its_name_in_other_letters(key: str, given: str, meant: str | None) -> None:
    assert meant_class(key, given) == meant


@pytest.mark.parametrize(
    "key", ["trainer.callbacks+", "trainer.logger.name", "model.any.thing", "config", "ema", "data"]
)
def test_a_known_key_may_be_added_to_or_go_on(key: str) -> None:
    assert is_known_key(key, "fit")


@pytest.mark.parametrize("key", ["trainer.max_epoch", "emma.decay", "resume"])
def test_another_key_is_unknown(key: str) -> None:
    assert not is_known_key(key, "test")
