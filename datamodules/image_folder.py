"""Folders of images, with or without classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import expand_path
from lightning_gans.core.image_files import EXTENSIONS, find_images, reject_unusable
from lightning_gans.core.image_reader import ARRAY, READABLE_ARRAYS, failure_reason, load_pixels
from lightning_gans.core.images import Size
from lightning_gans.core.names import list_names
from lightning_gans.core.randomness import derive_generator
from lightning_gans.datamodules.base import SPLITS
from lightning_gans.datamodules.file_states import CHANGED, FileState, file_state, file_states, warn_of_changes
from lightning_gans.datamodules.in_memory import MOST_HELD_OUT, InMemoryDataModule, TensorImages
from lightning_gans.datamodules.layouts import SPLIT_NAMES, Files, files_by_split, held_out_size

FOLDER_EXTENSIONS = (*EXTENSIONS, ARRAY)
"""Extensions of the files that are taken from folders."""


class ImageFolderDataModule(InMemoryDataModule):
    """A folder of images of any shapes, with or without class folders, decoded once into memory.

    If ``root`` has subfolders with images, at any depth, its direct subfolders are the classes, in the order of their
    names, with numbers as numbers (2 before 10); otherwise the images have no classes. If all direct subfolders have
    names of splits (``train``, ``val``, ``valid``, ``validation``, ``test``, in any case), they are splits, and their
    subfolders the classes; or the splits are subfolders of the classes. The log says which it is.

    JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP, PPM, JPEG 2000 and ``.npy`` files are used. Other files are left out, and one
    warning counts and names them. Files and folders whose names start with a dot are ignored, and no folder is searched
    twice, whatever links there are.

    Each image is rotated according to its EXIF data (all other metadata are ignored), converted to the channels that
    are asked for, resized (bicubic, antialiased) until it covers ``size``, and its center is cropped. For gray or RGB
    it is composited on white where it is transparent; with an alpha channel, what is fully transparent becomes black.
    Gray values of 16 bits are scaled by 255 / 65535 and rounded; pixels with a sign or of more than 16 bits are
    rejected, since their range is not known.

    A ``.npy`` file, as ``numpy.save`` writes it, is an array (height, width, channels) or, for one channel, (height,
    width), of uint8 or uint16. It must have as many channels as are asked for, and is resized and cropped in the same
    way. Images of more than 4 channels are read from such files only.

    Args:
        root: folder of the images for training and validation.
        channels: 1 for gray, 2 for gray and alpha, 3 for RGB, 4 for RGB and alpha; any other number of ``.npy`` files.
        size: (height, width) in pixels, or one number for a square.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images that are used for validation instead of training, if ``root`` has no validation split: a random
            choice from all classes that depends on the number of images only, so that it is the same in every run. By
            default a tenth, but at least 10, at most half of the images, and at most 1000.
        test_root: folder of the images for test and prediction, with class folders of the same names if ``root`` has
            any; by default the test split in ``root``. Without one the validation images are used, and the stamp of a
            score says so.
        split_folders: whether the subfolders of ``root`` are splits; by default their names decide.
        contents: what the images show; "digits" if they are handwritten digits like those of MNIST, which are compared
            in the features of a classifier of digits.
        num_workers: processes that index the tensors; 0 is fastest, since everything is decoded at the start.
        flip: mirror training images left to right with probability ½.
        train_size: number of training images to use, a random choice that is the same in every run; by default all.

    Attributes:
        classes: names of the class folders; empty where the images have no classes.

    Raises:
        ValueError: if a number is out of range.
        InputError: if a folder cannot be used.
    """

    def __init__(
        self,
        root: Path,
        channels: int = 3,
        size: Size = 64,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int | None = None,
        test_root: Path | None = None,
        split_folders: bool | None = None,
        contents: Contents = "pictures",
        num_workers: int = 0,
        flip: bool = False,
        train_size: int | None = None,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size, num_workers, flip, train_size)
        self.contents = contents
        at_least("channels", channels, 1)
        self.channels = channels
        self.root = expand_path(root, "root")
        self.test_root = None if test_root is None else expand_path(test_root, "test_root")
        # Listed here and not in setup: networks are built with the number of classes before any data is loaded.
        paths = find_images("root", self.root, rank_zero_warn, FOLDER_EXTENSIONS)
        splits = files_by_split("root", self.root, paths, split_folders)
        self._has_splits = splits is not None
        splits = splits or {"train": files_by_class("root", self.root, paths)}
        self.classes = sorted(splits["train"].keys() - {""}, key=natural_order)
        self.num_classes = len(self.classes)
        for split, groups in splits.items():
            check_classes(f"root is {self.root}, whose {split} split", groups, self.classes, "the train split")
        if self.test_root is not None:
            paths = find_images("test_root", self.test_root, rank_zero_warn, FOLDER_EXTENSIONS)
            splits["test"] = files_by_class("test_root", self.test_root, paths)
            check_classes(f"test_root is {self.test_root}, which", splits["test"], self.classes, "root")
        self._files = {split: label_files(groups, self.classes) for split, groups in splits.items()}
        self._states = {split: file_states(path for path, _ in files) for split, files in self._files.items()}

    def display_name(self) -> str:
        """The name of the folder."""
        return self.root.name or super().display_name()

    def class_names(self) -> list[str]:
        """The names of the class folders."""
        return self.classes

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, height, width) uint8 and labels (N,) int64; those for training in random order.

        Raises:
            InputError: if files cannot be read; it counts them and names the first ones.
        """
        return self.load_split("train" if train else "test")

    def _location(self, split: str) -> tuple[str, Path]:
        """The folder of a split, after the name of its argument."""
        if split == "test" and self.test_root is not None:
            return "test_root", self.test_root
        return "root", self.root

    def load_split(self, split: str) -> tuple[Tensor, Tensor]:
        """Images (N, C, height, width) uint8 and labels (N,) int64 of the folders of a split.

        Raises:
            InputError: if files cannot be read; it counts them and names the first ones.
        """
        key, root = self._location(split)
        files, states = self._files[split], self._states[split]
        if split == "train":
            order = torch.randperm(len(files), generator=derive_generator("cpu", "image folder"))
            files = [files[index] for index in order.tolist()]
        images = read_images(key, root, {path: states[path] for path, _ in files}, self.channels, self.size)
        return images, torch.tensor([label for _, label in files])

    def setup(self, stage: str) -> None:
        """Decode, check and split the images that ``stage`` needs."""
        if stage in ("test", "predict") and "test" not in self._files:
            self.setup("validate")
            self.splits["test"] = self.splits["val"]
        elif stage in ("fit", "validate") and "val" in self._files:
            for split in SPLITS[stage]:
                if split not in self.splits:
                    loaded = self.load_split(split)
                    self.splits[split] = self.limited(*loaded) if split == "train" else TensorImages(*loaded)
        else:
            super().setup(stage)
        if stage == "fit":
            rank_zero_info(self._summary())

    def training_size(self) -> int:
        """Number of training images."""
        count = len(self._files["train"])
        if "val" not in self._files:
            count -= held_out_size(self.val_size, count, MOST_HELD_OUT)
        return count if self.train_size is None else self.train_size

    def _summary(self) -> str:
        """What the folders are, and the numbers of images, as one line."""
        counts = {split: str(len(self._files[split])) for split in SPLIT_NAMES if split in self._files}
        if "val" not in self._files:
            counts["train"] += f" ({len(self.splits['val'])} of them held out for validation)"
        if self.train_size is not None:
            counts["train"] += f" ({self.train_size} of them used)"
        classes = f"the classes are {list_names(self.classes)}" if self.classes else "there are no classes"
        folders = "has split folders" if self._has_splits else "has no split folders"
        images = ", ".join(f"{split} {count}" for split, count in counts.items())
        return f"data: root is {self.root}, which {folders}; {classes}; images: {images}"

    def teardown(self, stage: str) -> None:
        """Warn of files that have changed since they were read."""
        by_folder: dict[tuple[str, Path], dict[Path, FileState | None]] = {}
        for split, states in self._states.items():
            by_folder.setdefault(self._location(split), {}).update(states)
        for (key, root), states in by_folder.items():
            warn_of_changes(key, root, states)

    def split_label(self, split: str) -> str:
        """The split's own name; for ``test`` it is ``val`` if there are no test images."""
        return "val" if split == "test" and "test" not in self._files else split


def natural_order(name: str) -> tuple[list[str | int], str]:
    """A key that sorts names as people do: their numbers as numbers, so that 2 comes before 10."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", name))], name


def files_by_class(key: str, root: Path, paths: list[Path]) -> Files:
    """The image files of each class folder in ``root``; if there are no class folders, all files under an empty name.

    Args:
        key: name of the argument whose value is ``root``, for error messages.
        root: the folder.
        paths: the images in it.

    Raises:
        InputError: if ``root`` holds both images and class folders.
    """
    groups: Files = {}
    for path in paths:
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


def check_classes(subject: str, groups: Files, classes: list[str], training: str) -> None:
    """Check that the classes of other images are classes of the training images.

    Args:
        subject: what holds the other images, for the error message.
        groups: their files by class.
        classes: the classes of the training images.
        training: what holds the training images, for the error message.

    Raises:
        InputError: if there is another class, or there are no classes although the training images have some.
    """
    unknown = sorted(groups.keys() - (set(classes) or {""}))
    if not unknown:
        return
    has = f"has the class folder(s) {list_names(unknown)}" if unknown != [""] else "has no class folders"
    expected = f"class folders as in {training}: {list_names(classes)}" if classes else f"none, as in {training}"
    raise InputError(f"{subject} {has}; expected {expected}")


def label_files(groups: Files, classes: list[str]) -> list[tuple[Path, int]]:
    """All files, each with the index of its class in ``classes``, or with 0 if there are no classes."""
    indices = {name: index for index, name in enumerate(classes)}
    return [(path, indices.get(name, 0)) for name in sorted(groups) for path in groups[name]]


def read_images(
    key: str, root: Path, states: Mapping[Path, FileState | None], channels: int, size: tuple[int, int]
) -> Tensor:
    """Decode files on several threads (Pillow releases Python's lock while it decodes).

    Args:
        key: name of the argument whose value is ``root``, for error messages.
        root: the folder relative to which error messages name files.
        states: the files, each with its state when it was listed.
        channels: number of channels.
        size: (height, width) in pixels.

    Returns:
        (N, channels, height, width) uint8, in the order of ``states``.

    Raises:
        InputError: if files cannot be read or have changed; it counts them and names the first ones.
    """
    paths = list(states)
    # Filled in place: stacking a list of images would need twice the memory.
    images = torch.empty(len(paths), channels, *size, dtype=torch.uint8)

    def read(index: int) -> str | None:
        try:
            images[index] = load_pixels(paths[index], channels, size)
        # Pillow's decoders raise all kinds of exceptions; all are caught, so that all files are reported at once.
        except Exception as error:
            return failure_reason(error)
        return None if file_state(paths[index]) == states[paths[index]] else CHANGED

    with ThreadPoolExecutor() as pool:
        reasons = list(pool.map(read, range(len(paths))))
    bad = [(path, why) for path, why in zip(paths, reasons, strict=True) if why is not None]
    reject_unusable(key, root, bad, len(paths), READABLE_ARRAYS)
    return images
