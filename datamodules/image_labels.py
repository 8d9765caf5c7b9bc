"""Labels of images from a file: StyleGAN's ``dataset.json``, or a table of names and classes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from torch import Tensor

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.core.image_reader import read_file
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.class_folders import natural_order

MOST_CLASSES = 1_000_000
"""Largest number of classes that the numbers in a ``dataset.json`` may stand for."""


class ImageLabels(NamedTuple):
    """The classes of all files of a place.

    Attributes:
        classes: their names; empty where images have no classes.
        indices: (N,) int64, the class of each file; -1 where it has none.
    """

    classes: list[str]
    indices: NDArray[np.int64]

    def of(self, subject: str, names: Sequence[str], files: NDArray[np.int64]) -> Tensor:
        """The labels (n,) int64 of some files; 0 if there are no classes.

        Args:
            subject: what holds the labels, for the error message.
            names: the names of all files.
            files: the indices of the files.

        Raises:
            InputError: if a file has no label; it counts them and names the first ones.
        """
        if not self.classes:
            return torch.zeros(len(files), dtype=torch.long)
        found = self.indices[files]
        if len(without := files[found < 0]):
            raise InputError(
                f"{subject} has no label for {len(without)} of {len(files)} images: "
                f"{list_names([names[index] for index in without.tolist()])}; expected one for each"
            )
        return torch.from_numpy(found)

    def renumbered(self, subject: str, classes: list[str]) -> ImageLabels:
        """The same labels with the numbers of other classes.

        Args:
            subject: what holds the images, for the error message.
            classes: the names of these classes.

        Raises:
            InputError: if there is another class, or one has labels and the other has none.
        """
        unknown = sorted(set(self.classes) - set(classes))
        if unknown or bool(classes) != bool(self.classes):
            has = f"has the labels {list_names(unknown)}" if unknown else "has no labels"
            raise InputError(
                f"{subject} {has}; expected {f'those of root: {list_names(classes)}' if classes else 'none'}"
            )
        numbers = np.array([*(classes.index(name) for name in self.classes), -1], np.int64)
        return ImageLabels(classes, numbers[self.indices])


def read_dataset_json(subject: str, content: bytes, names: Sequence[str]) -> ImageLabels | None:
    """The labels in a ``dataset.json``, as StyleGAN's tools write it: ``{"labels": [["00000/img0.png", 6], ...]}``.

    Args:
        subject: what holds it, for messages.
        content: the file.
        names: the names of all files.

    Returns:
        The labels, without classes if ``labels`` is null; None if the file is for another purpose.

    Raises:
        InputError: if a label is not a number of a class.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or "labels" not in data:
        return None
    indices = np.full(len(names), -1, np.int64)
    if not data["labels"]:
        return ImageLabels([], indices)
    places = {name: index for index, name in enumerate(names)}
    for entry in data["labels"] if isinstance(data["labels"], list) else [data["labels"]]:
        name, label = entry if isinstance(entry, list) and len(entry) == 2 else (entry, None)
        if type(label) is not int or not 0 <= label < MOST_CLASSES or not isinstance(name, str):
            shown = json.dumps(entry)[:80]
            raise InputError(
                f"{subject} holds the entry {shown}; expected pairs of a file's name and the number of its class"
            )
        if name in places:
            indices[places[name]] = label
    return ImageLabels([str(label) for label in range(int(indices.max(initial=-1)) + 1)], indices)


def read_rows(key: str, path: Path, expected: str) -> list[list[str]]:
    """The cells of a text file by line, separated by the one of comma, tab and semicolon that line 1 has most of.

    Args:
        key: the key that the file was given as.
        path: the file.
        expected: what the text file should be, for messages.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        text = read_file(path).decode("utf-8-sig")
        separator = max(",\t;", key=text.partition("\n")[0].count)
        return list(csv.reader(io.StringIO(text), delimiter=separator))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{key} is {path}, which cannot be read ({os_reason(error)}); expected a text file {expected}"
        ) from error


def read_table(path: Path, names: Sequence[str]) -> ImageLabels:
    """The labels in a table: a text file with the name of a file and its class in each line, separated by a comma.

    A tab or a semicolon may separate them as well. Names are relative to the folder or archive of the images; the
    extension may be left out. A first line with titles is ignored.

    Args:
        path: the table.
        names: the names of all files.

    Raises:
        InputError: if it cannot be read, a line has another number of columns, or no line names a file.
    """
    rows = read_rows("labels", path, "with lines name,class")
    places = {name.rpartition(".")[0]: index for index, name in enumerate(names)}
    places |= {name: index for index, name in enumerate(names)}
    labels: dict[int, str] = {}
    unknown: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        if len(row) != 2:
            raise InputError(
                f"labels is {path}, whose line {number} has {len(row)} columns; expected a name and a class"
            )
        index = places.get(row[0].strip().removeprefix("./"))
        if index is not None:
            labels[index] = row[1].strip()
        elif number > 1:
            unknown.append(row[0])
    if not labels:
        raise InputError(f"labels is {path}, which names none of the images, such as {names[0]}; expected name,class")
    if unknown:
        rank_zero_warn(f"labels is {path}, where {len(unknown)} lines name no image: {list_names(unknown)}")
    classes = sorted(set(labels.values()), key=natural_order)
    numbers = {name: number for number, name in enumerate(classes)}
    indices = np.full(len(names), -1, np.int64)
    for index, label in labels.items():
        indices[index] = numbers[label]
    return ImageLabels(classes, indices)
