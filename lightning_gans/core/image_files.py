"""Image files: finding them in folders.

Imports neither Lightning nor torchvision, because commands that only use a trained model read images too.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".jfif", ".jpe", ".dib"),
)
"""Extensions of the files that are taken from folders, in lower case; those of :data:`.image_metadata.FORMATS`."""


def check_channels(name: str, channels: int) -> None:
    """Check that images are gray or RGB.

    Args:
        name: the argument's name, for the error message.
        channels: the argument.

    Raises:
        ValueError: if ``channels`` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"{name} is {channels}; expected 1 (gray) or 3 (RGB)")


def check_folder(key: str, folder: Path, expected: str = "a folder") -> None:
    """Check that a folder exists.

    Args:
        key: name of the setting whose value is ``folder``, for the error message.
        folder: the folder.
        expected: what the setting should be, for the error message.

    Raises:
        InputError: if ``folder`` does not exist or is a file.
    """
    if not folder.is_dir():
        state = "a file" if folder.exists() else "not there"
        raise InputError(f"{key} is {folder}, which is {state}; expected {expected}")


class FoundFiles(NamedTuple):
    """The files in a folder and its subfolders, without hidden files and folders.

    Attributes:
        images: the image files, sorted within each folder.
        left_out: the other files, each with what it is.
    """

    images: list[Path]
    left_out: list[tuple[Path, str]]

    def summary(self) -> str:
        """Counts of the files that are left out, by what they are."""
        kinds = Counter(kind for _, kind in self.left_out)
        if SPECIAL in kinds:
            count = kinds.pop(SPECIAL)
            kinds["that is not a regular file" if count == 1 else "that are not regular files"] = count
        return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda each: -each[1]))


SPECIAL = "special"
"""What pipes, sockets and devices are: files that may never end."""


def walk_folder(folder: Path, extensions: Container[str] = EXTENSIONS) -> FoundFiles:
    """All files in ``folder`` and its subfolders.

    Links to folders are followed, but each folder is searched once, and none that contains ``folder``, so that no file
    is counted twice.

    Args:
        folder: the folder.
        extensions: those of image files, in lower case.
    """
    top = folder.resolve()
    visited = {folder_id(path.stat()) for path in (top, *top.parents)}
    images: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    pending, linked = [folder], list[Path]()
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if path.name.startswith("."):
                continue
            try:
                status = path.stat()
            except OSError:  # a broken link: reading it gives the reason
                status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                if path.is_symlink():
                    linked.append(path)
                elif folder_id(status) not in visited:
                    visited.add(folder_id(status))
                    pending.append(path)
            elif not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                left_out.append((path, SPECIAL))
            elif path.suffix.lower() in extensions:
                images.append(path)
            else:
                left_out.append((path, path.suffix.lower() or "without an extension"))
        # Links come last, so that files are named by the folder that they are in.
        while linked and not pending:
            path = linked.pop(0)
            if (identity := folder_id(path.stat())) not in visited:
                visited.add(identity)
                pending.append(path)
    return FoundFiles(sorted(images), sorted(left_out))


def folder_id(status: os.stat_result) -> tuple[int, int]:
    """What identifies a folder, whatever its path."""
    return status.st_dev, status.st_ino


def find_images(
    key: str, root: Path, warn: Callable[[str], object], extensions: Sequence[str] = EXTENSIONS
) -> list[Path]:
    """The image files in ``root`` and its subfolders, at least one; see :func:`walk_folder`.

    Args:
        key: name of the setting whose value is ``root``, for messages.
        root: the folder.
        warn: called with a message if other files are left out, which counts and names them.
        extensions: those of image files, in lower case.

    Raises:
        InputError: if ``root`` is not a folder, cannot be read, or holds no images.
    """
    check_folder(key, root)
    try:
        found = walk_folder(root, extensions)
    except OSError as error:
        raise InputError(f"{key} is {root}, where {error.filename} cannot be read ({error.strerror})") from error
    expected = f"expected files named {', '.join(extensions)}"
    others = len(found.left_out)
    if not found.images:
        but = f", but {others} other file{'s' * (others > 1)} ({found.summary()})" if others else ""
        raise InputError(f"{key} is {root}, which holds no images{but}; {expected}")
    if others:
        names = list_names([path.relative_to(root).as_posix() for path, _ in found.left_out])
        warn(
            f"{key} is {root}, where {others} of {others + len(found.images)} files are left out "
            f"({found.summary()}): {names}; {expected}"
        )
    return found.images


def reject_unusable(key: str, root: Path, bad: Iterable[tuple[Path, str]], count: int, expected: str) -> None:
    """Report all files that cannot be used in one error.

    Args:
        key: name of the setting whose value is ``root``.
        root: the folder relative to which files are named.
        bad: the files that cannot be used, each with the reason.
        count: number of all files.
        expected: what the files should be.

    Raises:
        InputError: if ``bad`` is not empty; it counts the files and names the first ones.
    """
    if names := sorted(f"{path.relative_to(root)} ({why})" for path, why in bad):
        raise InputError(
            f"{key} is {root}, where {len(names)} of {count} files cannot be used: {list_names(names)}; "
            f"expected {expected}"
        )


def pixels_of(image: Image.Image) -> Tensor:
    """The pixels (C, H, W) uint8 of a gray or RGB image, with or without alpha."""
    values = np.array(image)
    pixels = torch.from_numpy(values[:, :, None] if values.ndim == 2 else values)
    return pixels.permute(2, 0, 1).contiguous()
