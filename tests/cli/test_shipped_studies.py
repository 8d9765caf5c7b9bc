"""Every method of every shipped study trains, with the overrides and the first draw of its study."""

from __future__ import annotations

import pytest

from lightning_gans.cli.train import build
from lightning_gans.core.shipped_configs import study_names
from lightning_gans.studies.budget import limits
from lightning_gans.studies.cells import settings_of
from lightning_gans.studies.study_file import find_study, read_study
from tests.support.mean_colors import MEAN_COLORS

pytestmark = pytest.mark.usefixtures("empty_folder")

STUDIES = {name: read_study(find_study(name)) for name in study_names()}
METHODS = [(name, method.name) for name, study in STUDIES.items() for method in study.methods]
MODULES = {
    "digits": "DigitsDataModule",
    "mnist": "MNISTDataModule",
    "fashion_mnist": "FashionMNISTDataModule",
    "cifar10": "CIFAR10DataModule",
    "celeba": "ImageFolderDataModule",
    "to_twemoji": "emoji",
    "to_noto": "emoji",
    "facades": "PairedImageDataModule",
}
"""The data modules of the studies' data, by the name of the data or of the method's config."""

LARGE = ("cifar10", "celeba", "facades")
"""Data with networks that take seconds."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:collapse at step 1")  # the images of a new generator may be alike
@pytest.mark.parametrize(("name", "method"), METHODS)
def test_every_method_of_a_shipped_study_trains(name: str, method: str, small_sets: dict[str, list[str]]) -> None:
    study = STUDIES[name]
    (chosen,) = (each for each in study.methods if each.name == method)
    for data in study.data:
        setting = settings_of(study, data, chosen)[0]
        known = (each for each in ("cifar10", "facades") if each in chosen.config)
        kind = data.name or next(known, "digits")
        few = small_sets[MODULES[kind]]
        if kind == "facades":
            few = [*few, "--data.eval_batch_size", "4"]  # KID needs three images
        colors = MEAN_COLORS if kind in ("fashion_mnist", "cifar10", "celeba") else []
        narrow = ["--model.generator.width=8", "--model.discriminator.width=8"] if kind in LARGE else []
        arguments = [*setting.arguments(study, few), *limits(study, 2), *colors, *narrow]
        cli = build(["fit", *arguments, "--trainer.fast_dev_run=true", "--trainer.accelerator=cpu"])
        assert cli.trainer.global_step == 1
