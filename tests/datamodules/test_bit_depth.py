"""The depth of pixels: 16 bits reach the network with all their levels, from files of every kind, in every way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.datamodules import ImageFolderDataModule, PairedImageDataModule
from lightning_gans.datamodules.cache_folder import Header
from lightning_gans.datamodules.in_memory import ViewedImages
from tests.support.deep_files import tiff
from tests.support.image_trees import SMALL

GRADIENT = (np.arange(64, dtype=np.uint16) + 32700).reshape(8, 8)
"""Levels that differ in the low byte only, up to a carry in the middle."""


def write(folder: Path, count: int = 6, name: str = "{}.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / name.format(index)
        if path.suffix == ".npy":
            np.save(path, GRADIENT + index)
        else:
            Image.fromarray(GRADIENT + np.uint16(index)).save(path)
    return folder


def data(root: Path, **kwargs: Any) -> ImageFolderDataModule:
    settings = {"channels": 1, "size": 8, "batch_size": 4, "val_size": 2, "eval_batch_size": 2, **kwargs}
    module = ImageFolderDataModule(root, **settings)
    module.setup("fit")
    return module


def networks_input(module: Any, loader: Any) -> Tensor:
    batches = [module.on_after_batch_transfer(batch, 0) for batch in loader]
    return torch.cat([batch.images for batch in batches])


def expected(levels: NDArray[np.uint16]) -> Tensor:
    return torch.from_numpy(levels.astype(np.float32) / np.float32(32767.5) - 1)


def assert_has_all_levels(images: Tensor) -> None:
    """Each image (1, 8, 8) is the gradient plus a number of its own, exactly."""
    for image in images[:, 0]:
        first = int(image.flatten()[0].double().add(1).mul(32767.5).round()) - int(GRADIENT[0, 0])
        assert 0 <= first < 6
        assert torch.equal(image, expected(GRADIENT + np.uint16(first)))
        assert len(image.unique()) == 64


@pytest.mark.parametrize("kind", ["{}.png", "{}.tif", "{}.npy"])
@pytest.mark.parametrize("memory_gb", [0.1, 0.0])
def test_all_levels_of_a_folder_reach_the_network(tmp_path: Path, kind: str, memory_gb: float) -> None:
    write(tmp_path / "root", name=kind)
    module = data(tmp_path / "root", memory_gb=memory_gb, cache_dir=tmp_path / "cache")
    assert module.depth == 16
    for loader in (module.train_dataloader(), module.val_dataloader()):
        assert_has_all_levels(networks_input(module, loader))


def test_all_levels_of_an_archive_reach_the_network(tmp_path: Path) -> None:
    for kind in ("zip", "gztar"):
        archive = shutil.make_archive(str(tmp_path / kind), kind, write(tmp_path / "root"))
        module = data(Path(archive))
        assert_has_all_levels(networks_input(module, module.train_dataloader()))


@pytest.mark.parametrize("cache_gb", [0.0, 1.0])
def test_all_levels_of_pairs_reach_the_network(tmp_path: Path, cache_gb: float) -> None:
    write(tmp_path / "train" / "A")
    for index in range(6):
        (tmp_path / "train" / "B").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (index, 9, 9)).save(tmp_path / "train" / "B" / f"{index}.png")
    settings = {**SMALL, "size": 8, "load_size": 8, "val_size": 2, "channels_a": 1, "cache_gb": cache_gb}
    module = PairedImageDataModule(tmp_path, **settings)
    module.setup("fit")
    for batch in (*module.train_dataloader(), *module.val_dataloader()):
        assert (batch.a.dtype, batch.b.dtype) == (torch.uint16, torch.uint8)
        assert_has_all_levels(module.on_after_batch_transfer(batch, 0).a)
    flipped = module.augment(batch, 3, 0)
    assert (flipped.a.dtype, flipped.b.dtype) == (torch.uint16, torch.uint8)


def test_crops_and_mirror_images_keep_all_levels(tmp_path: Path) -> None:
    module = data(write(tmp_path / "root"), size=6, load_size=8, flip=True)
    view = module.dataset_for("train")
    assert isinstance(view, ViewedImages)
    whole = module.splits["train"].images.numpy()
    # Image 1, crop 4 (row 1, column 1), mirrored.
    (found,) = view[[1 + 4 * (2 * 4 + 1)]].images.numpy()
    assert np.array_equal(found[0], whole[1, 0, 1:7, 1:7][:, ::-1])


def test_half_of_the_files_decide_and_the_others_are_raised_or_rounded(tmp_path: Path) -> None:
    root = write(tmp_path / "root", 5)
    for index in range(5):
        Image.new("L", (8, 8), 200).save(root / f"flat-{index}.png")
    module = data(root)
    levels = torch.cat([module.splits[split].images.int() for split in ("train", "val")])
    assert module.depth == 16
    assert sorted(int(image[0, 0, 0]) for image in levels)[-5:] == [200 * 257] * 5
    Image.new("L", (8, 8), 200).save(root / "one-more.png")
    with pytest.warns(UserWarning, match=r"5 of 11 files have more than 8 bits, which are rounded to 8: 0\.png, 1"):
        module = data(root)
    assert module.splits["train"].images.dtype == torch.uint8
    assert data(root, bits=8).splits["train"].images.dtype == torch.uint8
    assert data(root, bits=16).splits["train"].images.dtype == torch.uint16
    with pytest.raises(ValueError, match=r"^bits is 12; expected 8, 16 or null$"):
        data(root, bits=12)


def test_images_of_eight_bits_are_those_of_before(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for index in range(6):
        Image.new("RGB", (8, 8), (index, 9, 9)).save(tmp_path / "root" / f"{index}.png")
    module = data(tmp_path / "root", channels=3, memory_gb=0, cache_dir=tmp_path / "cache")
    assert (module.depth, module.splits["train"].images.dtype) == (8, torch.uint8)
    header = module.cached("train").folder.header
    assert "bits" not in header.written()
    assert "bits=" not in repr(header)
    assert Header(**header.written()) == header


def test_a_cache_of_other_bits_is_another(tmp_path: Path) -> None:
    root = write(tmp_path / "root")
    kept = data(root, memory_gb=0, cache_dir=tmp_path / "cache")
    rounded = data(root, memory_gb=0, cache_dir=tmp_path / "cache", bits=8)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert kept.fingerprint("train") != rounded.fingerprint("train")
    assert kept.splits["train"].images.nbytes == 2 * rounded.splits["train"].images.nbytes


def test_bands_of_tiff_files_are_channels(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    bands = np.random.default_rng(0).integers(0, 65536, (6, 8, 8, 7), dtype=np.uint16)
    for index, values in enumerate(bands):
        (tmp_path / "root" / f"{index}.tif").write_bytes(tiff(values, photometric=1))
    module = data(tmp_path / "root", channels=7)
    found = {image.numpy().tobytes() for split in ("train", "val") for image in module.splits[split].images}
    assert found == {np.ascontiguousarray(each.transpose(2, 0, 1)).tobytes() for each in bands}
