"""Random crops of the images of folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lightning_gans.datamodules import ImageFolderDataModule
from lightning_gans.datamodules.samplers import TrainingBatches
from tests.support.folders import folder

COUNT, LOADED, SIZE = 12, (7, 9), (4, 6)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images whose red is the row, whose green is the column, and whose blue is the image."""
    (tmp_path / "root").mkdir()
    rows, columns = np.mgrid[: LOADED[0], : LOADED[1]].astype(np.uint8)
    for index in range(COUNT):
        pixels = np.stack([rows, columns, np.full_like(rows, index)], axis=2)
        Image.fromarray(pixels).save(tmp_path / "root" / f"{index:02d}.png")
    return tmp_path / "root"


def cropped(root: Path, **kwargs: Any) -> ImageFolderDataModule:
    return folder(root, **{"size": SIZE, "load_size": LOADED, "cache_dir": root.parent / "cache", **kwargs})


def epoch(data: ImageFolderDataModule, number: int) -> list[Tensor]:
    loader = data.train_dataloader()
    loader.batches.set_epoch(number)
    return [batch.images.clone() for batch in loader]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("memory_gb", [0, 1])
def test_crops_are_parts_of_the_images(root: Path, flip: bool, memory_gb: int) -> None:
    data = cropped(root, flip=flip, memory_gb=memory_gb)
    assert data.size == SIZE
    corners, mirrored = set(), set()
    for number in range(40):
        for image in torch.cat(epoch(data, number)).long():
            assert image.shape == (3, *SIZE)
            steps = image[1].diff(dim=1).unique().tolist()
            assert steps in ([1], [255 - 256])
            assert (image[0].diff(dim=0) == 1).all()
            assert len(image[2].unique()) == 1
            corners.add((int(image[0].min()), int(image[1].min())))
            mirrored.add(steps[0])
    assert corners == {(row, column) for row in range(4) for column in range(4)}
    assert mirrored == ({1, -1} if flip else {1})


def test_crops_depend_on_seed_epoch_and_image_alone(root: Path) -> None:
    on_disk, in_memory = cropped(root, memory_gb=0, num_workers=1), cropped(root, memory_gb=1)
    for first, second in zip(epoch(on_disk, 1), epoch(in_memory, 1), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(torch.cat(epoch(in_memory, 1)), torch.cat(epoch(in_memory, 2)))
    loader = in_memory.train_dataloader()
    loader.batches.set_epoch(1)
    loader.load_state_dict({**loader.state_dict(), "yielded": 3})
    assert all(map(torch.equal, [batch.images for batch in loader], epoch(in_memory, 1)[3:]))


def test_processes_share_the_crops_of_one() -> None:
    def batches(size: int, rank: int, world: int) -> list[list[int]]:
        sampler = TrainingBatches(24, size, 5, rank, world)
        sampler.crops, sampler.flips = 16, True
        sampler.set_epoch(3)
        return [list(each) for each in sampler]

    one = batches(8, 0, 1)
    two = [first + second for first, second in zip(batches(4, 0, 2), batches(4, 1, 2), strict=True)]
    assert one == two


def test_all_other_images_are_cropped_at_the_center(root: Path) -> None:
    for memory_gb in (0, 1):
        data = cropped(root, memory_gb=memory_gb)
        data.setup("test")
        batches = [next(iter(loader)).images for loader in (data.val_dataloader(), data.test_dataloader())]
        for images in (*batches, data.split_tensors("train").images, data.split_tensors("val").images):
            assert images.shape[1:] == (3, *SIZE)
            assert images[:, :2, 0, 0].unique(dim=0).tolist() == [[1, 1]]


def test_the_size_of_the_crops_is_part_of_the_fingerprint(root: Path) -> None:
    for memory_gb in (0, 1):
        prints = {cropped(root, memory_gb=memory_gb, size=size).fingerprint("train") for size in (SIZE, (4, 4))}
        assert len(prints) == 2


def test_a_load_size_below_the_size_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"^load_size is \[?\(?7, 3\)?\]?; expected at least size, \(4, 6\)$"):
        cropped(root, load_size=(7, 3))
    with pytest.raises(ValueError, match=r"^load_size is 0; expected at least 1$"):
        cropped(root, load_size=0)
