"""``~`` at the start of a path is the user's home folder, in Python as on the command line and in configs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lightning_gans
from lightning_gans.callbacks import Evaluation, PredictionWriter
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_home
from lightning_gans.datamodules import (
    CIFAR10DataModule,
    ImageFolderDataModule,
    MNISTDataModule,
    PairedImageDataModule,
    StackedMNISTDataModule,
    UnpairedImageDataModule,
)
from lightning_gans.inference import LatentSampler
from lightning_gans.metrics import digits, inception, perceptual
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.variants import DCGAN
from tests.support import checkpoint_files
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder; the working folder is another one, in which no folder ``~`` may appear."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def test_models_are_read_and_written(home: Path) -> None:
    checkpoint_files.latent(home / "best.ckpt")
    model = lightning_gans.load("~/best.ckpt")
    model.save_pretrained("~/model")
    assert sorted(path.name for path in home.iterdir()) == ["best.ckpt", "model"]
    assert lightning_gans.load(Path("~/model")).config == model.config
    assert LatentSampler.from_pretrained("~/model").config == model.config
    assert not list(Path.cwd().iterdir())


def test_a_run_in_python_keeps_its_files(home: Path) -> None:
    logger = ResumableCSVLogger("~/runs", "mine")
    trainer = tiny_trainer(home, max_steps=1, limit_val_batches=0, logger=logger)
    trainer.fit(tiny_dcgan(), TinyData())
    trainer.save_checkpoint("~/deeper/a.ckpt")
    assert (home / "runs" / "mine" / "version_0").is_dir()
    assert (home / "deeper" / "a.ckpt").is_file()
    tiny_trainer(home, max_steps=2, limit_val_batches=0).fit(tiny_dcgan(), TinyData(), ckpt_path="~/deeper/a.ckpt")
    assert isinstance(DCGAN.load_from_checkpoint("~/deeper/a.ckpt"), DCGAN)
    assert not list(Path.cwd().iterdir())


def test_data_modules_and_callbacks_expand_their_folders(home: Path) -> None:
    (home / "photos").mkdir()
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(home / "photos" / "a.png")
    makers: list[tuple[Callable[[Any], Any], str]] = [
        (MNISTDataModule, "root"),
        (CIFAR10DataModule, "root"),
        (lambda root: StackedMNISTDataModule(root).digits, "root"),
        (ImageFolderDataModule, "root"),
        (lambda root: ImageFolderDataModule(root, test_root=root), "test_root"),
        (PairedImageDataModule, "root"),
        (UnpairedImageDataModule, "root"),
        (lambda folder: Evaluation(cache=folder).cache, "folder"),
        (PredictionWriter, "folder"),
    ]
    for make, attribute in makers:
        for given in ("~/photos", Path("~/photos")):
            assert getattr(make(given), attribute) == home / "photos"


def test_weights_of_metrics_are_found(home: Path) -> None:
    shutil.copy(digits.WEIGHTS, home / "own.safetensors")
    assert digits.DigitFeatures(Path("~/own.safetensors")).description == digits.DigitFeatures().description
    (home / "own.pth").write_bytes(b"")
    for network in (inception.InceptionFeatures, perceptual.PerceptualDistance):
        with pytest.raises(ValueError, match=f"weights is {home}/own.pth; expected a file with"):
            network(Path("~/own.pth"))


def test_only_a_home_folder_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    same = ["", "a/~", "~nobody-has-this-name/a", "~~", "~ a", "sqlite:///~/a", "1e-3"]
    assert [expand_home(path, "key") for path in same] == same
    assert [expand_home(path, "key") for path in ("~", "~/a b")] == ["/home/me", "/home/me/a b"]

    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(InputError, match=r"data\.root is ~/a, but the home folder is not known \(HOME is not set\)"):
        expand_home("~/a", "data.root")
    with pytest.raises(InputError, match=r"root is ~/a, but the home folder is not known"):
        MNISTDataModule(Path("~/a"))
