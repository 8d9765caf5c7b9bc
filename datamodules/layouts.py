"""Names of split folders, the layouts of folders of two domains, and the size of a held-out validation split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import torch

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names
from lightning_gans.core.randomness import derive_generator
from lightning_gans.datamodules.image_cache import Listing

SPLIT_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Names of the folder of each split, in lower case; folders are found in any case."""

SPLIT_OF_NAME = {name: split for split, names in SPLIT_NAMES.items() for name in names}
"""The split of each name."""

LEAST_HELD_OUT = 10
"""Least number of held-out images by default, if there are twice as many: more than the nearest neighbors of scores."""

MOST_HELD_OUT = 50
"""Largest number of files that are held out by default."""


def split_of(name: str) -> str | None:
    """The split whose folder has this name, in any case; None if it is the name of no split."""
    return SPLIT_OF_NAME.get(name.lower())


def held_out_size(val_size: int | None, count: int, most: int) -> int:
    """Number of images that are held out of training for validation.

    Args:
        val_size: the number, or None for a tenth of the images, but at least 10, at most half of them and at most
            ``most``.
        count: number of training images.
        most: largest number by default.

    Raises:
        ValueError: if no images are left for training, or None would hold out fewer than two.
    """
    if val_size is None:
        val_size = min(most, max(LEAST_HELD_OUT, count // 10), count // 2)
        if val_size < 2:
            raise ValueError(
                f"val_size is null, which holds out a part of the {count} training image(s); "
                "expected at least 4 images, or a validation split"
            )
    if val_size >= count:
        raise ValueError(f"val_size is {val_size}; expected less than the {count} training images")
    return val_size


def split_listing(listing: Listing, val_size: int | None) -> dict[str, Listing]:
    """Hold out validation files: the listings of ``train`` and ``val``, each in the order of the names.

    Raises:
        ValueError: if no files are left for training.
    """
    count = len(listing.paths)
    kept = count - held_out_size(val_size, count, MOST_HELD_OUT)
    order = torch.randperm(count, generator=derive_generator("cpu", "held out"))
    parts = {"train": order[:kept], "val": order[kept:]}
    return {
        split: listing._replace(paths=[listing.paths[index] for index in part.sort().values.tolist()])
        for split, part in parts.items()
    }


class Layout(NamedTuple):
    """How a split of two domains is laid out.

    Attributes:
        folders: the folder of both domains, or of each, and possibly that of maps of instances, relative to the root;
            ``{}`` stands for the split's name.
        meaning: what such folders hold, for messages.
    """

    folders: tuple[str, ...]
    meaning: str

    def describe(self, split: str) -> str:
        """The folders of a split, as text."""
        return " and ".join(name.format(split) for name in self.folders)


JOINED = Layout(("{}",), "both images of a pair side by side in one file")
SEPARATE = tuple(
    Layout(folders, "one image in each file") for folders in (("{}A", "{}B"), ("{}/A", "{}/B"), ("A/{}", "B/{}"))
)
WITHOUT_SPLITS = Layout(("A", "B"), "one image in each file, of all splits")
TOGETHER = Layout(("{}",), "both images of a pair in files of their own")


def check_folder_names(folder_a: str | None, folder_b: str | None) -> tuple[str, str] | None:
    """The folders of both domains, if they are named.

    Raises:
        ValueError: if only one is named, or one is not below the root.
    """
    if folder_a is None or folder_b is None:
        if folder_a != folder_b:
            raise ValueError(f"folder_a is {folder_a} and folder_b is {folder_b}; expected both or neither")
        return None
    return check_below_root("folder_a", folder_a), check_below_root("folder_b", folder_b)


def check_below_root(name: str, folder: str) -> str:
    """A folder relative to the root, with slashes.

    Args:
        name: the argument that gives it.
        folder: the folder.

    Raises:
        ValueError: if it is not below the root.
    """
    path = PurePath(folder)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name} is {folder}; expected a folder below root")
    return path.as_posix()


def named_layouts(folders: Sequence[str]) -> tuple[tuple[Layout, ...], Layout]:
    """The layouts of folders that the user has named, with and without splits.

    Args:
        folders: of each domain, and possibly that of maps of instances, relative to the root or to the folder of a
            split.
    """
    # Names may have braces, which stand for the split's name in a layout.
    names = [folder.replace("{", "{{").replace("}", "}}") for folder in folders]
    forms = ([f"{{}}/{name}" for name in names], [f"{name}/{{}}" for name in names], [f"{{}}_{name}" for name in names])
    with_splits = tuple(Layout(tuple(each), SEPARATE[0].meaning) for each in forms)
    return with_splits, Layout(tuple(names), WITHOUT_SPLITS.meaning)


class SplitFolders(NamedTuple):
    """The folders of a split.

    Attributes:
        layout: their layout.
        folders: the folder of both domains, or of each, and possibly that of maps of instances.
    """

    layout: Layout
    folders: tuple[Path, ...]


def find_split(root: Path, split: str, layouts: tuple[Layout, ...]) -> SplitFolders | None:
    """The folders of a split; None if there are none.

    Args:
        root: the folder that contains them.
        split: ``train``, ``val`` or ``test``.
        layouts: the layouts that are possible. If a folder ``train`` holds ``A`` or ``B``, its images are not joined.

    Raises:
        InputError: if folders of several layouts or names exist, or the folder of one domain is missing.
    """
    found: list[tuple[Layout, list[list[Path]]]] = []
    for layout in layouts:
        for names in dict.fromkeys(tuple(f.format(name) for f in layout.folders) for name in SPLIT_NAMES[split]):
            domains = [matching_folders(root, name) for name in names]
            if any(domains):
                found.append((layout, domains))
    parents = {folder.parent for _, domains in found for folders in domains for folder in folders}
    found = [each for each in found if len(each[0].folders) > 1 or each[1][0][0] not in parents]
    if not found:
        return None
    layout, domains = found[0]
    if len(found) > 1 or any(len(folders) != 1 for folders in domains):
        there = [path.relative_to(root).as_posix() for _, each in found for folders in each for path in folders]
        raise InputError(
            f"root is {root}, which holds {list_names(there)}; expected {expected_folders(split, layouts)}"
        )
    return SplitFolders(layout, tuple(folders[0] for folders in domains))


def matching_folders(root: Path, name: str) -> list[Path]:
    """The folders below ``root`` whose path, relative to it, is ``name`` in any case."""
    folders = [root]
    for part in name.split("/"):
        folders = [
            path
            for folder in folders
            for path in sorted(folder.iterdir())
            if path.name.lower() == part.lower() and path.is_dir()
        ]
    return folders


def expected_folders(split: str, layouts: tuple[Layout, ...]) -> str:
    """What a root should be, for error messages."""
    return f"a folder that holds {', or '.join(layout.describe(split) for layout in layouts)}"


Files = dict[str, list[int]]
"""Indices of image files by class; without classes all under an empty name."""


def files_by_split(subject: str, names: Sequence[str], split_folders: bool | None) -> dict[str, Files] | None:
    """The images of a folder whose subfolders are splits; None if they are classes, or there are none.

    Subfolders are splits if all of them have the name of a split and one is for training: ``train/cat`` and
    ``val/cat``, ``train`` and ``val`` without classes, or ``cat/train`` and ``cat/val``. A class may have the name
    ``train`` if the other classes have names of their own.

    Args:
        subject: the start of error messages, such as "root is photos, which".
        names: the images, relative to the folder, in order.
        split_folders: whether the subfolders are splits; None if their names decide.

    Raises:
        InputError: if the names do not say whether the folders are splits or classes, a split has two folders, or there
            is no training split.
    """
    if split_folders is False:
        return None
    parts = [tuple(name.split("/")) for name in names]
    level = level_of_splits(parts)
    if level is None:
        if split_folders or is_ambiguous(parts):
            tops = sorted({each[0] for each in parts}, key=lambda name: (split_of(name) is None, name))
            raise InputError(
                f"{subject} holds {list_names(tops)}; expected folders of splits only, train and possibly val "
                "and test, or of classes only, or split_folders to be false if these are classes"
            )
        return None
    splits: dict[str, Files] = {}
    found: dict[str, str] = {}
    for index, each in enumerate(parts):
        split = SPLIT_OF_NAME[each[level].lower()]
        if level == 0 and found.setdefault(split, each[0]) != each[0]:
            raise InputError(f"{subject} holds both {found[split]} and {each[0]}; expected one of both")
        others = each[:level] + each[level + 1 :]
        splits.setdefault(split, {}).setdefault(others[0] if len(others) > 1 else "", []).append(index)
    for split, files in splits.items():
        if "" in files and len(files) > 1:
            alone, beside = files[""][0], min(index for name in files if name for index in files[name])
            raise InputError(
                f"{subject.removesuffix('which')}whose {split} split holds both {names[alone]} and {names[beside]}; "
                "expected all images of a split in class folders, or none"
            )
    return splits


def level_of_splits(parts: list[tuple[str, ...]]) -> int | None:
    """How many folders are above those of the splits, 0 or 1; None if the folders are not all those of splits.

    Args:
        parts: for each image the folders below the root, and its name.
    """
    for level in (0, 1):
        if all(len(each) > level + 1 for each in parts):
            splits = {split_of(each[level]) for each in parts}
            if "train" in splits and None not in splits:
                return level
    return None


def is_ambiguous(parts: list[tuple[str, ...]]) -> bool:
    """Whether some folders have names of splits although not all are splits.

    A folder ``train`` with images, beside folders with names of classes, is a class.

    Args:
        parts: for each image the folders below the root, and its name.
    """
    if any(len(each) < 2 for each in parts):
        return False
    named = [each for each in parts if split_of(each[0])]
    return any(split_of(each[0]) != "train" or len(each) > 2 for each in named)
