"""Stacked MNIST, of made-up digits that say where they come from, and of the real ones where they are."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import StackedMNISTDataModule
from lightning_gans.metrics import DigitFeatures
from tests.datamodules.test_sets import idx

TRAIN, HELD_OUT, TEST = range(3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 training and 60 test images, whose first two pixels are the digit and the split it comes from."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for prefix, splits in (("train", [TRAIN] * 220 + [HELD_OUT] * 20), ("t10k", [TEST] * 60)):
        labels = (np.arange(len(splits)) % 10).astype(np.uint8)
        images = np.zeros((len(splits), 28, 28), dtype=np.uint8)
        images[:, 0, 0], images[:, 0, 1] = labels, splits
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    return root


def stacked(root: Path, train_size: int = 300, val_size: int = 100, size: int = 28) -> StackedMNISTDataModule:
    data = StackedMNISTDataModule(
        root, download=False, size=size, train_size=train_size, val_size=val_size, test_size=50
    )
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_the_label_is_the_number_that_the_channels_show(root: Path) -> None:
    for split in stacked(root).splits.values():
        digits = split.images[:, :, 0, 0].long()
        assert torch.equal(split.labels, 100 * digits[:, 0] + 10 * digits[:, 1] + digits[:, 2])
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64


def test_each_split_is_made_of_its_own_images_only(root: Path) -> None:
    splits = stacked(root).splits
    sources = {name: torch.unique(split.images[:, :, 0, 1]).tolist() for name, split in splits.items()}
    assert sources == {"train": [TRAIN], "val": [HELD_OUT], "test": [TEST]}
    assert {name: len(split) for name, split in splits.items()} == {"train": 300, "val": 100, "test": 50}


def test_the_channels_are_drawn_independently(root: Path) -> None:
    digits = stacked(root, train_size=5000).splits["train"].images[:, :, 0, 0].double()
    correlations = torch.corrcoef(digits.T) - torch.eye(3)
    # Five standard deviations of a correlation between 5,000 independent pairs.
    assert correlations.abs().max() < 0.07


def test_the_triples_are_the_same_whatever_the_seed_of_the_run(root: Path) -> None:
    prints = []
    for seed in ("1", "2"):
        torch.manual_seed(int(seed))
        with mock.patch.dict(os.environ, {"PL_GLOBAL_SEED": seed}):
            data = stacked(root)
        prints.append([data.fingerprint(split) for split in ("train", "val", "test")])
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 3


def test_more_training_triples_leave_the_validation_triples_as_they_are(root: Path) -> None:
    assert stacked(root, train_size=300).fingerprint("val") == stacked(root, train_size=400).fingerprint("val")


def test_triples_are_resized(root: Path) -> None:
    assert stacked(root, size=32).splits["test"].images.shape == (50, 3, 32, 32)


def test_networks_can_ask_for_channels_and_classes_before_anything_is_loaded(tmp_path: Path) -> None:
    data = StackedMNISTDataModule(tmp_path)
    assert (data.channels, data.num_classes, data.size) == (3, 1000, (28, 28))


def test_real_digits_show_all_modes_and_are_read_as_labelled(mnist_root: Path) -> None:
    data = StackedMNISTDataModule(mnist_root, download=False)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 55000, "val": 5000, "test": 26000}
    assert len(torch.unique(data.splits["train"].labels)) == 1000
    assert len(torch.unique(data.splits["test"].labels)) == 1000
    images, labels = data.splits["test"][list(range(200))]
    extractor = DigitFeatures()
    digits = [extractor.logits(extractor(images[:, [channel]])).argmax(dim=1) for channel in range(3)]
    assert (100 * digits[0] + 10 * digits[1] + digits[2] == labels).float().mean() > 0.95


def test_a_wrong_root_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"root is .*where MNIST is not complete") as error:
        StackedMNISTDataModule(tmp_path / "nowhere", download=False).prepare_data()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"train_size": 0}, r"train_size is 0"),
        ({"val_size": 1}, r"val_size is 1"),
        ({"test_size": 1}, r"test_size is 1"),
        ({"size": 0}, r"size is 0"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        StackedMNISTDataModule(**kwargs)  # type: ignore[arg-type]
