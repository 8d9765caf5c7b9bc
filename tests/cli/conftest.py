"""Every test of the command line runs in an empty folder; small data sets, and the real command."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.train import build
from lightning_gans.datamodules import CIFAR10DataModule
from tests.datamodules.test_sets import idx
from tests.support.command_line import SHORT
from tests.support.small_archives import small_archives


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    environment = {"XDG_CACHE_HOME": str(folder / "cache"), "PL_GLOBAL_SEED": "0"}
    with mock.patch.dict(os.environ, environment), contextlib.chdir(folder):
        build(["fit", "--config", "dcgan/digits", *SHORT])
    return folder / "runs"


@pytest.fixture
def finished_run(empty_folder: None, _finished_run: Path) -> Path:
    """A copy of a run of ``dcgan/digits`` with ``SHORT``, in ``runs`` of the test's empty folder."""
    shutil.copytree(_finished_run, "runs")
    return Path("runs/dcgan-digits/version_0")


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


class SmallCIFAR:
    """In place of torchvision's class, which wants files with the published checksums."""

    def __init__(self, root: Path, train: bool, download: bool = False) -> None:
        self.data = np.random.default_rng(int(train)).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
        self.targets = list(range(10)) * 4


@pytest.fixture(scope="session")
def _archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_archives(tmp_path_factory.mktemp("archives"))


@pytest.fixture
def small_sets(small_mnist: Path, _archives: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What to add to a command for each data module, so that it finds a few made-up images."""
    for name in ("FashionMNIST", "KMNIST"):
        (small_mnist / name).symlink_to(small_mnist / "MNIST")
    monkeypatch.setattr(CIFAR10DataModule, "dataset", SmallCIFAR)
    pictures = small_mnist / "pictures"
    pictures.mkdir()
    for index, pixels in enumerate(SmallCIFAR(pictures, train=True).data):
        Image.fromarray(pixels).save(pictures / f"{index}.png")
        folder = small_mnist / "classes" / str(index % 2)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index}.png").hardlink_to(pictures / f"{index}.png")
        for style in ("noto", "twemoji"):
            (small_mnist / style).mkdir(exist_ok=True)
            (small_mnist / style / f"{index}.png").hardlink_to(pictures / f"{index}.png")
    two, few = ["--data.eval_batch_size", "2"], ["--data.val_size", "4", "--data.batch_size", "4"]
    from_root = ["--data.root", str(small_mnist), *few]
    return {
        "DigitsDataModule": ["--data.batch_size", "4", "--data.eval_batch_size", "4"],
        "GaussianGridDataModule": [],
        "GaussianRingDataModule": [],
        "MNISTDataModule": from_root,
        "FashionMNISTDataModule": from_root,
        "KMNISTDataModule": from_root,
        "CIFAR10DataModule": from_root,
        "StackedMNISTDataModule": [*from_root, "--data.train_size", "32"],
        "ImageFolderDataModule": ["--data.root", str(pictures), *few],
        "emoji": ["--data.root", str(small_mnist), "--data.val_size", "2", "--data.num_workers", "0"],
        "class folders": ["--data.root", str(small_mnist / "classes")],
        "SyntheticFacadesDataModule": ["--data.train_size", "4", "--data.val_size", "2"],
        "PairedImageDataModule": ["--data.root", str(_archives / "pix2pix"), "--data.num_workers", "0", *two],
        "UnpairedImageDataModule": ["--data.root", str(_archives / "cyclegan"), *two],
    }
