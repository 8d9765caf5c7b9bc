"""Pairs of images in files of their own, with the same names up to the extension and an ending of each domain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import find_images
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.image_sources import FOLDER_EXTENSIONS

Endings = tuple[str, str]
"""How the names of the files of each domain end, such as "_img" and "_label", or ".jpg" and ".png"; "" for any."""


def folder_key(root: Path, folder: Path) -> str:
    """What messages call a folder below ``root``."""
    return f"{folder.relative_to(root).as_posix()} of root"


def find_all(root: Path, folder: Path) -> list[Path]:
    """The image files and ``.npy`` files in a folder below ``root``; see :func:`.find_images`."""
    return find_images(folder_key(root, folder), folder, rank_zero_warn, FOLDER_EXTENSIONS)


def match_pairs(
    root: Path, folders: Sequence[Path], files: list[list[Path]], endings: Endings = ("", "")
) -> list[tuple[Path, ...]]:
    """Pair the files whose paths in their folders are equal up to the extension and the endings.

    Files without the ending of their domain are left out with a warning.

    Args:
        root: the folder relative to which error messages name files.
        folders: the folder of each domain.
        files: the files in each folder.
        endings: of the names in each domain.

    Raises:
        InputError: if a file has no partner, or two files have the same one; it counts them and names the first ones.
    """
    a, b = (by_name(root, *each) for each in zip(folders, files, endings, strict=True))
    for named, given, folder, ending in zip((a, b), files, folders, endings, strict=True):
        used = {*named.values()}
        warn_of_others(
            root, folder, [path for path in given if path not in used], given, f"whose names end in {ending}"
        )
    return partners(root, folders, (a, b), endings)


def match_together(root: Path, folder: Path, files: list[Path], endings: Endings) -> list[tuple[Path, ...]]:
    """Pair files of one folder, in which the names of each domain have their own ending.

    A file is of the domain whose ending is the longer one that it has. Files that have none are left out with a
    warning.

    Args:
        root: the folder relative to which error messages name files.
        folder: the folder.
        files: the files in it.
        endings: of the names in each domain.

    Raises:
        InputError: as :func:`match_pairs`.
    """
    of_domain: tuple[list[Path], list[Path]] = [], []
    others = []
    for path in files:
        found = [place for place, ending in enumerate(endings) if name_of(path, ending) is not None]
        if found:
            of_domain[max(found, key=lambda place: len(endings[place]))].append(path)
        else:
            others.append(path)
    warn_of_others(root, folder, others, files, f"whose names end in {endings[0]} or {endings[1]}")
    a, b = (by_name(root, folder, given, ending) for given, ending in zip(of_domain, endings, strict=True))
    return partners(root, (folder, folder), (a, b), endings)


def partners(
    root: Path, folders: Sequence[Path], named: tuple[dict[str, Path], dict[str, Path]], endings: Endings
) -> list[tuple[Path, ...]]:
    """The pairs of files with the same name.

    Args:
        root: the folder relative to which error messages name files.
        folders: the folder of each domain.
        named: the files of each domain, by name; see :func:`by_name`.
        endings: of the names in each domain.

    Raises:
        InputError: if a file has no partner, or there are no files.
    """
    lacking = []
    names = [folder.relative_to(root).as_posix() for folder in folders]
    a, b = named
    for here, there, folder in ((a, b, names[1]), (b, a, names[0])):
        if alone := [path.relative_to(root).as_posix() for name, path in here.items() if name not in there]:
            lacking.append(f"{folder} holds no partner of {len(alone)} of {len(here)} files ({list_names(alone)})")
    ends = f" and the endings {' and '.join(ending or 'none' for ending in endings)}" if any(endings) else ""
    if lacking or not a:
        problem = " and ".join(lacking) or f"{names[0]} holds no files whose names have these endings"
        raise InputError(f"root is {root}, where {problem}; expected the same names in both, up to the extension{ends}")
    return [(a[name], b[name]) for name in a]


def name_of(path: Path, ending: str) -> str | None:
    """The name of a file without the extension and the ending of its domain; None if it does not have that ending.

    Args:
        path: the file.
        ending: the end of its name before the extension, or with it if it ends in the extension of images.
    """
    with_extension = f"x{ending}".lower().endswith(FOLDER_EXTENSIONS)
    name = path.name if with_extension else path.stem
    if not name.lower().endswith(ending.lower()):
        return None
    return name[: len(name) - len(ending)]


def by_name(root: Path, folder: Path, files: list[Path], ending: str = "") -> dict[str, Path]:
    """Files by their path in ``folder`` without the extension and the ending; those that do not have it are left out.

    Raises:
        InputError: if two have the same name.
    """
    named: dict[str, Path] = {}
    for path in files:
        if (name := name_of(path, ending)) is None:
            continue
        other = named.setdefault((path.relative_to(folder).parent / (name or ".")).as_posix(), path)
        if other != path:
            raise InputError(
                f"root is {root}, where {other.relative_to(root)} and {path.relative_to(root)} have the same partner; "
                "expected names that differ in more than the extension"
            )
    return named


def warn_of_others(root: Path, folder: Path, others: list[Path], files: list[Path], expected: str) -> None:
    """Warn of files that are left out because of their names; counts and names them."""
    if others:
        named = list_names([path.relative_to(root).as_posix() for path in others])
        rank_zero_warn(
            f"{folder_key(root, folder)} is left out in part: {len(others)} of {len(files)} files ({named}); expected "
            f"files {expected}"
        )
