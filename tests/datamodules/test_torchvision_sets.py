"""Torchvision's data sets with other arguments than ``train``, as stand-ins with torchvision's own signatures."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules.in_memory import covering_size
from lightning_gans.datamodules.torchvision_sets import TorchvisionDataModule

SMALL: dict[str, Any] = {"batch_size": 2, "eval_batch_size": 2, "val_size": 2}
COUNT = 6


class EMNIST:
    """Gray images as a tensor (N, H, W), labels as ``targets``."""

    def __init__(self, root: Path, split: str, **kwargs: Any) -> None:
        train, self.download = kwargs.pop("train", True), kwargs.pop("download", False)
        assert split == "balanced"
        assert not kwargs
        self.data = torch.full((COUNT, 28, 28), 10 if train else 20, dtype=torch.uint8)
        self.targets = torch.full((COUNT,), 46)


class SVHN:
    """Color images as an array (N, 3, H, W), labels as ``labels``."""

    def __init__(self, root: str | Path, split: str = "train", transform: Any = None, target_transform: Any = None,
                 download: bool = False) -> None:  # fmt: skip
        self.data = np.full((COUNT, 3, 32, 32), {"train": 10, "test": 20}[split], dtype=np.uint8)
        self.data[:, 0, 0, 1] = 200
        self.labels = np.full(COUNT, 9)


class STL10:
    """Like SVHN, in 96 x 96."""

    def __init__(self, root: str | Path, split: str = "train", folds: int | None = None, transform: Any = None,
                 target_transform: Any = None, download: bool = False) -> None:  # fmt: skip
        self.data = np.full((COUNT, 3, 96, 96), {"train": 10, "test": 20}[split], dtype=np.uint8)
        self.labels = np.full(COUNT, 9, dtype=np.uint8)


class CelebA:
    """Images in files, with a target of each type that is asked for."""

    def __init__(self, root: str | Path, split: str = "train", target_type: Any = "attr", transform: Any = None,
                 target_transform: Any = None, download: bool = False) -> None:  # fmt: skip
        if Path(root).name == "incomplete" and not download:
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        self.level = {"train": 10, "valid": 15, "test": 20}[split]
        self.target_type = target_type

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[Image.Image, torch.Tensor]:
        assert self.target_type == "attr"
        return Image.new("RGB", (178, 218), (self.level, 0, index)), torch.tensor([0, index % 2, 1])


class EMNISTDataModule(TorchvisionDataModule):
    dataset, folder, channels, num_classes = EMNIST, "EMNIST/raw", 1, 47

    def split_arguments(self, *, train: bool) -> dict[str, Any]:
        return {"split": "balanced", "train": train}


class SVHNDataModule(TorchvisionDataModule):
    dataset: Any = SVHN
    folder, channels, num_classes = "", 3, 10

    def split_arguments(self, *, train: bool) -> dict[str, Any]:
        return {"split": "train" if train else "test"}


class STL10DataModule(SVHNDataModule):
    dataset, folder = STL10, "stl10_binary"


class CelebADataModule(SVHNDataModule):
    dataset, folder, num_classes = CelebA, "celeba", 2

    def split_arguments(self, *, train: bool) -> dict[str, Any]:
        return {**super().split_arguments(train=train), "target_type": "attr"}

    def label(self, target: Any) -> int:
        return int(target[1])


SETS = [(EMNISTDataModule, 28, 46), (SVHNDataModule, 32, 9), (STL10DataModule, 48, 9), (CelebADataModule, 16, None)]


@pytest.mark.parametrize(("kind", "size", "label"), SETS)
def test_a_subclass_of_a_few_lines_takes_a_set_with_other_arguments(
    kind: type[TorchvisionDataModule], size: int, label: int | None, tmp_path: Path
) -> None:
    data = kind(tmp_path, size=size, **SMALL)
    data.prepare_data()
    for stage in ("fit", "test"):
        data.setup(stage)
    assert {split: len(images) for split, images in data.splits.items()} == {"train": 4, "val": 2, "test": COUNT}
    for split, level in (("train", 10), ("test", 20)):
        images, labels = data.split_tensors(split)
        assert images.shape[1:] == (data.channels, size, size)
        assert images.dtype == torch.uint8
        assert (images[:, 0, -1, -1] == level).all()
        assert labels.dtype == torch.int64
        assert labels.tolist() == [index % 2 if label is None else label for index in range(len(labels))]
    assert next(iter(data.train_dataloader())).images.shape == (2, data.channels, size, size)


def test_channels_that_come_first_stay_first(tmp_path: Path) -> None:
    data = SVHNDataModule(tmp_path, size=32, **SMALL)
    data.setup("test")
    assert data.split_tensors("test").images[0, :, 0, 1].tolist() == [200, 20, 20]


def test_a_set_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"root is .*, where CelebA is not complete, and download is false; expected"):
        CelebADataModule(tmp_path / "incomplete", download=False, **SMALL).prepare_data()
    CelebADataModule(tmp_path / "incomplete", **SMALL).prepare_data()


@pytest.mark.parametrize("stand_in", [EMNIST, SVHN, STL10, CelebA])
def test_the_stand_ins_have_torchvisions_arguments(stand_in: type) -> None:
    ours, theirs = (
        inspect.signature(kind).parameters for kind in (stand_in, getattr(torchvision.datasets, stand_in.__name__))
    )
    assert list(ours) == list(theirs)
    assert [each.default for each in ours.values()] == [each.default for each in theirs.values()]


def test_rectangles_are_the_center_of_the_images(tmp_path: Path) -> None:
    square, wide = (SVHNDataModule(tmp_path, size=size, **SMALL) for size in (48, (32, 48)))
    for data in (square, wide):
        data.prepare_data()
        data.setup("test")
    assert wide.size == (32, 48)
    assert torch.equal(wide.splits["test"].images, square.splits["test"].images[:, :, 8:40])


def test_rectangles_of_files_are_the_center_of_the_images(tmp_path: Path) -> None:
    data = CelebADataModule(tmp_path, size=(8, 12), **SMALL)
    data.prepare_data()
    data.setup("test")
    assert data.splits["test"].images.shape[1:] == (3, 8, 12)


@pytest.mark.parametrize(
    ("given", "wanted", "covering"),
    [((28, 28), (32, 32), [32, 32]), ((30, 20), (8, 8), [12, 8]), ((7, 9), (3, 8), [6, 8])],
)
def test_the_covering_size_keeps_the_shape(
    given: tuple[int, int], wanted: tuple[int, int], covering: list[int]
) -> None:
    assert covering_size(given, wanted) == covering
