"""Image files: finding them in folders.

Imports neither Lightning nor torchvision, because commands that only use a trained model read images too.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import list_names

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".jfif", ".jpe", ".dib"),
)
"""Extensions of the files that are taken from folders, in lower case; those of :data:`.image_metadata.FORMATS`."""


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


NOT_THERE = -1
"""Size and modification time of a file that is not there, such as the end of a broken link."""


class FoundFiles(NamedTuple):
    """The files in a folder and its subfolders, without hidden files and folders.

    Names are text and states are numbers, since a path and a tuple for each file would take several times the memory.

    Attributes:
        names: the image files, relative to the folder and with "/", sorted by folder and name.
        states: (N, 2) int64, the size in bytes and the modification time in nanoseconds of each image file;
            :data:`NOT_THERE` twice if it is not there.
        left_out: the other files, each with what it is.
    """

    names: list[str]
    states: NDArray[np.int64]
    left_out: list[tuple[str, str]]

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
    names, states = list[str](), array("q")
    left_out: list[tuple[str, str]] = []
    pending, linked = [""], list[str]()
    while pending:
        prefix = pending.pop()
        # scandir and text: with a Path for each of 200,000 files this takes three times as long.
        with os.scandir(folder / prefix) as entries:
            visible = sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)
        for entry in visible:
            name = prefix + entry.name
            there = True
            try:
                status = entry.stat()
            except OSError:  # a broken link: reading it gives the reason
                status, there = entry.stat(follow_symlinks=False), False
            extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (see above)
            if stat.S_ISDIR(status.st_mode):
                if entry.is_symlink():
                    linked.append(f"{name}/")
                elif folder_id(status) not in visited:
                    visited.add(folder_id(status))
                    pending.append(f"{name}/")
            elif not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                left_out.append((name, SPECIAL))
            elif extension in extensions:
                names.append(name)
                states.extend((status.st_size, status.st_mtime_ns) if there else (NOT_THERE, NOT_THERE))
            else:
                left_out.append((name, extension if len(extension) > 1 else "without an extension"))
        # Links come last, so that files are named by the folder that they are in.
        while linked and not pending:
            prefix = linked.pop(0)
            if (identity := folder_id((folder / prefix).stat())) not in visited:
                visited.add(identity)
                pending.append(prefix)
    # "\0" comes before all that names may have, so this is the order of the folders, and of the names in each.
    order = sorted(range(len(names)), key=lambda index: names[index].replace("/", "\0"))
    in_order = np.frombuffer(states, np.int64).reshape(-1, 2)[order]
    return FoundFiles([names[index] for index in order], in_order, sorted(left_out))


def folder_id(status: os.stat_result) -> tuple[int, int]:
    """What identifies a folder, whatever its path."""
    return status.st_dev, status.st_ino


def find_files(
    key: str,
    root: Path,
    warn: Callable[[str], object],
    extensions: Sequence[str] = EXTENSIONS,
    known: Container[str] = (),
) -> FoundFiles:
    """The image files in ``root`` and its subfolders, at least one; see :func:`walk_folder`.

    Args:
        key: name of the setting whose value is ``root``, for messages.
        root: the folder.
        warn: called with a message if other files are left out, which counts and names them.
        extensions: those of image files, in lower case.
        known: names of other files, relative to ``root``, that are expected there.

    Raises:
        InputError: if ``root`` is not a folder, cannot be read, or holds no images.
    """
    check_folder(key, root)
    try:
        found = walk_folder(root, extensions)
    except OSError as error:
        raise InputError(f"{key} is {root}, where {error.filename} cannot be read ({error.strerror})") from error
    found = found._replace(left_out=[each for each in found.left_out if each[0] not in known])
    report_left_out(key, root, warn, found, extensions)
    return found


def select_images(
    key: str,
    root: Path,
    warn: Callable[[str], object],
    names: Sequence[str],
    extensions: Sequence[str],
    known: Container[str] = (),
) -> list[str]:
    """The names of image files among those of all files of an archive; see :func:`find_files`."""
    kinds = [PurePath(name).suffix.lower() for name in names]
    images = [name for name, kind in zip(names, kinds, strict=True) if kind in extensions]
    others = [
        (name, kind or "without an extension")
        for name, kind in zip(names, kinds, strict=True)
        if kind not in extensions and name not in known
    ]
    report_left_out(key, root, warn, FoundFiles(images, np.empty((0, 2), np.int64), others), extensions)
    return images


def report_left_out(
    key: str, root: Path, warn: Callable[[str], object], found: FoundFiles, extensions: Sequence[str]
) -> None:
    """Warn of files that are left out.

    Raises:
        InputError: if there are no images.
    """
    expected = f"expected files named {', '.join(extensions)}"
    others = len(found.left_out)
    if not found.names:
        but = f", but {others} other file{'s' * (others > 1)} ({found.summary()})" if others else ""
        raise InputError(f"{key} is {root}, which holds no images{but}; {expected}")
    if others:
        warn(
            f"{key} is {root}, where {others} of {others + len(found.names)} files are left out "
            f"({found.summary()}): {list_names([name for name, _ in found.left_out])}; {expected}"
        )


def find_images(
    key: str, root: Path, warn: Callable[[str], object], extensions: Sequence[str] = EXTENSIONS
) -> list[Path]:
    """The paths of the image files in ``root`` and its subfolders; arguments and errors as of :func:`find_files`."""
    return [root / name for name in find_files(key, root, warn, extensions).names]


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
