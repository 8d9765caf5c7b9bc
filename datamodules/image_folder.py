"""Any folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from datamodules.in_memory import InMemoryDataModule
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import (
    check_channels,
    find_images,
    list_names,
    load_square,
    reason,
    reject_unusable,
)
from lightning_gans.core.randomness import derive_generator


class ImageFolderDataModule(InMemoryDataModule):
    """A folder of images of any shapes, with or without class folders, decoded once into memory.

    If ``root`` has subfolders with images, at any depth, these are the classes, in the order of their names; otherwise
    the images have no classes. Files are taken by extension (jpg, jpeg, png, ppm, bmp, pgm, tif, tiff, webp); those and
    folders whose names start with a dot are ignored.

    Each image is turned as its EXIF data say, composited on white where it is transparent, converted to grey or RGB,
    resized (bicubic, antialiased) until its shorter side is ``size``, and cropped to the square in the middle. Grey of
    16 bits is scaled by 255 / 65535 and rounded; pixels of 32 bits are refused, since their range is not known.

    Args:
        root: folder of the images for training and validation.
        channels: 1 for grey, 3 for RGB.
        size: height and width in pixels.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images of ``root`` that are kept for validation: a random choice from all classes that depends on the
            number of images only, so that it is the same in every run.
        test_root: folder of the images for test and prediction, with class folders of the same names if ``root`` has
            any; by default the validation images, and scores say so.
        num_workers: processes that index the tensors; 0 is fastest, since everything is decoded at the start.

    Attributes:
        classes: names of the class folders; empty where the images have no classes.

    Raises:
        InputError: if a number is out of range or a folder cannot be used.
    """

    def __init__(
        self,
        root: Path,
        channels: int = 3,
        size: int = 64,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int = 1000,
        test_root: Path | None = None,
        num_workers: int = 0,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size, num_workers)
        check_channels("data.channels", channels)
        self.channels = channels
        self.root = Path(root)
        self.test_root = None if test_root is None else Path(test_root)
        # Listed here, not in setup: networks ask for the number of classes before any data is loaded.
        groups = files_by_class("data.root", self.root)
        self.classes = sorted(groups.keys() - {""})
        self.num_classes = len(self.classes)
        self._files = labelled(groups, self.classes)
        self._test_files: list[tuple[Path, int]] = []
        if self.test_root is not None:
            groups = files_by_class("data.test_root", self.test_root)
            check_classes(self.test_root, groups, self.classes)
            self._test_files = labelled(groups, self.classes)

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, size, size) uint8 and labels (N,) int64, of ``root`` in an order that mixes the classes.

        Raises:
            InputError: if files cannot be read; it names the first of them.
        """
        if train:
            key, root, files = "data.root", self.root, self._files
            order = torch.randperm(len(files), generator=derive_generator("cpu", "image folder"))
            files = [files[index] for index in order.tolist()]
        else:
            assert self.test_root is not None
            key, root, files = "data.test_root", self.test_root, self._test_files
        images = read_images(key, root, [path for path, _ in files], self.channels, self.size)
        return images, torch.tensor([label for _, label in files])

    def setup(self, stage: str) -> None:
        """Decode, check and split what ``stage`` needs."""
        if self.test_root is None and stage in ("test", "predict"):
            super().setup("validate")
            self.splits["test"] = self.splits["val"]
        else:
            super().setup(stage)

    def split_label(self, split: str) -> str:
        """The split, which for ``test`` is ``val`` where there is no test folder."""
        return "val" if split == "test" and self.test_root is None else split


def files_by_class(key: str, root: Path) -> dict[str, list[Path]]:
    """The image files of each class folder in ``root``; those of a folder without classes under the empty name.

    Raises:
        InputError: if ``root``, the value of ``key``, is no folder, cannot be read, holds no images, or holds images
            beside class folders.
    """
    groups: dict[str, list[Path]] = {}
    for path in find_images(key, root):
        parts = path.relative_to(root).parts
        groups.setdefault(parts[0] if len(parts) > 1 else "", []).append(path)
    if "" in groups and len(groups) > 1:
        alone = groups.pop("")[0]
        beside = min(groups.values())[0]
        raise InputError(
            f"{key} is {root}, which holds both {alone.name} and {beside.relative_to(root)}; expected all images in "
            "class folders, or none"
        )
    return groups


def check_classes(root: Path, groups: dict[str, list[Path]], classes: list[str]) -> None:
    """Refuse a test folder whose classes are not among those of the training images.

    Raises:
        InputError: if ``groups``, the files of ``root`` by class, has a class of its own, or none where there are any.
    """
    unknown = sorted(groups.keys() - (set(classes) or {""}))
    if not unknown:
        return
    has = f"has the class folder(s) {list_names(unknown)}" if unknown != [""] else "has no class folders"
    expected = f"class folders as in data.root: {list_names(classes)}" if classes else "none, as in data.root"
    raise InputError(f"data.test_root is {root}, which {has}; expected {expected}")


def labelled(groups: dict[str, list[Path]], classes: list[str]) -> list[tuple[Path, int]]:
    """Every file with its class's index in ``classes``; 0 where there are no classes."""
    indices = {name: index for index, name in enumerate(classes)}
    return [(path, indices.get(name, 0)) for name in sorted(groups) for path in groups[name]]


def read_images(key: str, root: Path, paths: Sequence[Path], channels: int, size: int) -> Tensor:
    """Decode all files, on several threads (Pillow gives up Python's lock while it decodes).

    Returns:
        (N, channels, size, size) uint8, in the order of ``paths``.

    Raises:
        InputError: if files cannot be read; it counts them and names the first.
    """
    # Filled in place: a list to be stacked would take the memory twice.
    images = torch.empty(len(paths), channels, size, size, dtype=torch.uint8)

    def read(index: int) -> str | None:
        try:
            images[index] = load_square(paths[index], channels, size)
        # Pillow's decoders raise almost anything on damaged files, and one report of all files needs them all.
        except Exception as error:
            return reason(error)
        return None

    with ThreadPoolExecutor() as pool:
        reasons = list(pool.map(read, range(len(paths))))
    bad = [(path, why) for path, why in zip(paths, reasons, strict=True) if why is not None]
    reject_unusable(key, root, bad, len(paths))
    return images
