"""Pairs of images in two folders, which have the same names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import find_images
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.image_sources import FOLDER_EXTENSIONS


def folder_key(root: Path, folder: Path) -> str:
    """What messages call a folder below ``root``."""
    return f"{folder.relative_to(root).as_posix()} of root"


def find_all(root: Path, folder: Path) -> list[Path]:
    """The image files and ``.npy`` files in a folder below ``root``; see :func:`.find_images`."""
    return find_images(folder_key(root, folder), folder, rank_zero_warn, FOLDER_EXTENSIONS)


def match_pairs(root: Path, folders: Sequence[Path], files: list[list[Path]]) -> list[tuple[Path, ...]]:
    """Pair the files whose paths in their folders are equal up to the extension.

    Args:
        root: the folder relative to which error messages name files.
        folders: the folder of each domain.
        files: the files in each folder.

    Raises:
        InputError: if a file has no partner, or two files have the same one; it names them.
    """
    a, b = (by_name(root, *each) for each in zip(folders, files, strict=True))
    lacking = []
    names = [folder.relative_to(root).as_posix() for folder in folders]
    for here, there, folder in ((a, b, names[1]), (b, a, names[0])):
        if alone := [path.relative_to(root).as_posix() for name, path in here.items() if name not in there]:
            lacking.append(f"{folder} holds no partner of {list_names(alone)}")
    if lacking:
        raise InputError(
            f"root is {root}, where {' and '.join(lacking)}; expected the same names in both, up to the extension"
        )
    return [(a[name], b[name]) for name in a]


def by_name(root: Path, folder: Path, files: list[Path]) -> dict[Path, Path]:
    """Files by their path in ``folder`` without the extension.

    Raises:
        InputError: if two differ in the extension only.
    """
    named: dict[Path, Path] = {}
    for path in files:
        other = named.setdefault(path.relative_to(folder).with_suffix(""), path)
        if other != path:
            raise InputError(
                f"root is {root}, where {other.relative_to(root)} and {path.relative_to(root)} have the same partner; "
                "expected names that differ in more than the extension"
            )
    return named
