"""Features fit the data: which extractor is chosen for which images, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from PIL import Image

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import (
    CIFAR10DataModule,
    DigitsDataModule,
    FashionMNISTDataModule,
    GaussianGridDataModule,
    ImageFolderDataModule,
    KMNISTDataModule,
    MNISTDataModule,
    StackedMNISTDataModule,
    SyntheticFacadesDataModule,
)
from lightning_gans.metrics import (
    DigitFeatures,
    EfficientNetFeatures,
    ModeFeatures,
    StackedDigitFeatures,
)
from lightning_gans.metrics.choice import CHOICES, check_features, choose_features
from tests.support.tiny import TinyData
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (DigitsDataModule, DigitFeatures),
        (MNISTDataModule, DigitFeatures),
        (StackedMNISTDataModule, StackedDigitFeatures),
        (GaussianGridDataModule, ModeFeatures),
        (FashionMNISTDataModule, EfficientNetFeatures),
        (KMNISTDataModule, EfficientNetFeatures),
        (CIFAR10DataModule, EfficientNetFeatures),
        (SyntheticFacadesDataModule, EfficientNetFeatures),
    ],
)
def test_each_data_set_has_features_that_mean_something_for_it(data: type[Any], expected: type) -> None:
    module = data()
    extractor = choose_features(module)
    assert type(extractor) is expected
    check_features(extractor, module)
    assert choose_features(module, extractor) is extractor or expected is ModeFeatures


def test_loaders_without_a_data_module_are_taken_for_pictures() -> None:
    assert isinstance(choose_features(None), EfficientNetFeatures)
    check_features(DigitFeatures(), None)


def test_a_folder_of_digits_says_so(tmp_path: Path) -> None:
    for index in range(3):
        Image.new("L", (8, 8), index).save(tmp_path / f"{index}.png")
    with pytest.raises(InputError) as refused:
        check_features(DigitFeatures(), ImageFolderDataModule(tmp_path))
    assert str(refused.value) == (
        "evaluation.extractor is DigitFeatures, whose features mean something for digits only, but data.contents is "
        "'pictures'; expected auto, or one of EfficientNetFeatures, TorchvisionFeatures, TimmFeatures, "
        "InceptionFeatures, PixelFeatures"
    )
    assert isinstance(choose_features(ImageFolderDataModule(tmp_path, contents="digits")), DigitFeatures)


@pytest.mark.parametrize(
    ("extractor", "data", "message"),
    [
        (
            StackedDigitFeatures,
            MNISTDataModule,
            "mean something for stacked digits only, but contents of MNIST",
        ),
        (
            DigitFeatures,
            StackedMNISTDataModule,
            "contents of StackedMNISTDataModule is 'stacked digits'",
        ),
        (EfficientNetFeatures, GaussianGridDataModule, "expected auto, or one of PixelFeatures$"),
    ],
)
def test_what_means_nothing_is_refused(extractor: type[Any], data: type[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_features(extractor(), data())


def test_images_of_many_channels_need_an_extractor_of_their_own() -> None:
    data: Any = TinyData()
    data.contents, data.channels = "pictures", 8
    message = (
        r"evaluation\.extractor takes images of 1, 2, 3 or 4 channel\(s\) if it is EfficientNetFeatures, but those of "
        "TinyData have 8; expected null for no scores, or an extractor of your own$"
    )
    with pytest.raises(InputError, match=message):
        choose_features(data)


def test_of_two_domains_those_count_that_are_compared() -> None:
    data: Any = tiny_facades()
    data.channels_a = 12
    with pytest.raises(InputError, match=r"but those of SyntheticFacadesDataModule have 12; expected null"):
        choose_features(data)
    assert isinstance(choose_features(data, domains=("b",)), EfficientNetFeatures)
    assert tiny_pix2pix().scored_domains == ("b",)
    assert tiny_pix2pix(direction="b_to_a").scored_domains == ("a",)


@pytest.mark.parametrize("channels", [2, 4])
def test_images_with_alpha_have_the_features_of_what_is_seen_on_white(channels: int) -> None:
    data: Any = TinyData()
    data.contents, data.channels = "pictures", channels
    extractor = choose_features(data)
    images = torch.randint(0, 256, (2, channels, 12, 20), dtype=torch.uint8)
    images[0, -1], images[1, -1] = 0, 255
    blank = torch.full((1, 3, 12, 20), 255, dtype=torch.uint8)
    seen = torch.cat([blank, images[1:, :-1].expand(-1, 3, -1, -1)])
    torch.testing.assert_close(extractor(images), extractor(seen))


def test_every_kind_of_contents_has_features() -> None:
    assert {*CHOICES, "points"} == set(get_args(Contents))
