"""Pairs of images that a table lists: a text file with the paths of both images of a pair in each line."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.image_labels import read_rows
from lightning_gans.datamodules.image_sources import FOLDER_EXTENSIONS
from lightning_gans.datamodules.layouts import split_of

COLUMNS = "the paths of a and of b, and possibly a split, separated by comma, tab or semicolon"
"""What a line of a table should be, for messages."""

PairPaths = list[tuple[Path, ...]]


def read_pairs(table: Path, root: Path) -> dict[str, PairPaths]:
    """The pairs in a table, by split; those of lines without a split are for training.

    A first line with titles is ignored, and so are empty lines.

    Args:
        table: the table.
        root: the folder to which paths in the table are relative; absolute ones must be in it.

    Raises:
        InputError: if the table cannot be read, a line has other columns, files are not there or outside ``root``, or
            there is no pair for training.
    """
    rows = read_rows("table", table, f"whose lines have {COLUMNS}")
    lines = {number: [cell.strip() for cell in row] for number, row in enumerate(rows, start=1)}
    lines = {number: row for number, row in lines.items() if any(row)}
    if lines and not any(is_image(cell) for cell in next(iter(lines.values()))):
        del lines[next(iter(lines))]  # titles
    splits: dict[str, PairPaths] = {}
    for number, row in lines.items():
        if len(row) not in (2, 3):
            raise InputError(f"table is {table}, whose line {number} has {len(row)} column(s); expected {COLUMNS}")
        split = split_of(row[2]) if len(row) > 2 and row[2] else "train"
        if split is None:
            raise InputError(
                f"table is {table}, whose line {number} has the split {row[2]}; expected train, val or test"
            )
        splits.setdefault(split, []).append(tuple(path_in(table, number, root, cell) for cell in row[:2]))
    files = dict.fromkeys(path for pairs in splits.values() for pair in pairs for path in pair)
    if missing := [path.relative_to(root).as_posix() for path in files if not path.exists()]:
        raise InputError(
            f"table is {table}, which names {len(missing)} of {len(files)} files that are not there: "
            f"{list_names(missing)}; expected paths relative to root, {root}"
        )
    if "train" not in splits:
        raise InputError(f"table is {table}, which has no pairs for training; expected lines with {COLUMNS}")
    return splits


def is_image(cell: str) -> bool:
    """Whether a cell looks like the path of an image."""
    return PurePath(cell).suffix.lower() in FOLDER_EXTENSIONS


def path_in(table: Path, number: int, root: Path, cell: str) -> Path:
    """The path of a file that a cell names.

    Raises:
        InputError: if it is outside ``root``.
    """
    path = Path(os.path.normpath(root / cell))
    if not path.is_relative_to(os.path.normpath(root)) or not cell:
        raise InputError(
            f"table is {table}, whose line {number} names {cell or 'no file'}; expected paths below root, {root}"
        )
    return root / path.relative_to(os.path.normpath(root))
