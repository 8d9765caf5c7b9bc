"""Classes of images by the folders that they are in."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.layouts import Files


def natural_order(name: str) -> tuple[list[str | int], str]:
    """A key that sorts names as people do: their numbers as numbers, so that 2 comes before 10."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", name))], name


def files_by_class(subject: str, names: Sequence[str]) -> Files:
    """The image files of each class folder; if there are no class folders, all files under an empty name.

    Args:
        subject: the start of error messages, such as "root is photos, which".
        names: the images, relative to the folder of the class folders, in order.

    Raises:
        InputError: if there are both images and class folders.
    """
    groups: Files = {}
    for index, name in enumerate(names):
        top, inside, _ = name.partition("/")
        groups.setdefault(top if inside else "", []).append(index)
    if "" in groups and len(groups) > 1:
        alone = names[groups.pop("")[0]]
        beside = names[min(groups.values())[0]]
        raise InputError(f"{subject} holds both {alone} and {beside}; expected all images in class folders, or none")
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


def label_files(groups: Files, classes: list[str]) -> tuple[NDArray[np.int64], Tensor]:
    """All files, and for each the index of its class in ``classes``, or 0 if there are no classes; both (N,) int64."""
    indices = {name: index for index, name in enumerate(classes)}
    in_order = sorted(groups)
    files = np.concatenate([np.array(groups[name], np.int64) for name in in_order])
    counts = torch.tensor([len(groups[name]) for name in in_order])
    return files, torch.tensor([indices.get(name, 0) for name in in_order]).repeat_interleave(counts)
