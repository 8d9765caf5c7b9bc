"""Images decoded from files: once while they fit in memory, else whenever they are asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from lightning.pytorch.utilities import rank_zero_warn
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import READABLE, center_square, list_names, open_rgb, reason, reject_unusable


class Listing(NamedTuple):
    """The files of a split: of one domain, or of pairs.

    Attributes:
        paths: for each image its file; for each pair one file with a on the left and b on the right, or two, a and b.
        channels: of the images of the one domain, or of a and of b.
    """

    paths: list[tuple[Path, ...]]
    channels: tuple[int, ...]


class UnusableFilesError(Exception):
    """Files that cannot be used.

    Attributes:
        bad: each file and the reason.
    """

    def __init__(self, *bad: tuple[Path, str]) -> None:
        super().__init__(*bad)
        self.bad = bad


class CachedImageFiles:
    """Images of one domain, or pairs, from files; as many of the first ones as there is room for are kept decoded.

    To be looked through, by :func:`decode_and_check`, before a batch is asked for.

    Args:
        root: the folder from which files are named.
        listing: the files.
        size: height and width S of the images.
        room: bytes that decoded images may take.

    Attributes:
        shapes: width and height in pixels of each image as it was in its file; of a pair those of either image.
    """

    def __init__(self, root: Path, listing: Listing, size: int, room: float) -> None:
        self.root, self.size = root, size
        self.paths, self.channels = listing
        self.shapes = [(0, 0)] * len(self.paths)
        self._states: list[list[tuple[int, int]]] = [[]] * len(self.paths)
        self._kept = self._uninitialised(min(len(self.paths), int(room / (sum(self.channels) * size * size))))
        self._last: tuple[list[int], list[Tensor]] = [], self._uninitialised(0)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def kept(self) -> int:
        """How many images, or pairs, are in memory."""
        return len(self._kept[0])

    @property
    def kept_bytes(self) -> int:
        """The memory that they take."""
        return sum(images.nbytes for images in self._kept)

    def look(self, index: int) -> tuple[tuple[Path, str], ...]:
        """Decode an image or a pair, note its shape and the state of its files, and keep it if there is room.

        Returns:
            The files that cannot be used, each with the reason.
        """
        try:
            images = read(self.paths[index], len(self.channels))
        except UnusableFilesError as error:
            return error.bad
        stats = [path.stat() for path in self.paths[index]]
        self._states[index] = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
        self.shapes[index] = images[0].size
        if index < self.kept:
            for kept, pixels in zip(self._kept, self._squares(images), strict=True):
                kept[index] = pixels
        return ()

    def batch(self, indices: list[int]) -> list[Tensor]:
        """Images (n, C, S, S) uint8 of each domain.

        Raises:
            InputError: if a file can no longer be used; it names it.
        """
        # The two domains of pairs are asked for one after the other, and decoded together.
        if indices != self._last[0]:
            batch = self._uninitialised(len(indices))
            for place, index in enumerate(indices):
                for images, pixels in zip(batch, self._pixels(index), strict=True):
                    images[place] = pixels
            self._last = list(indices), batch
        return self._last[1]

    def fingerprint(self) -> str:
        """A hash of the files' names, sizes and times of change, and of the channels and the size of the images."""
        names = [[path.relative_to(self.root).as_posix() for path in paths] for paths in self.paths]
        facts = repr((self.size, self.channels, names, self._states))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def _uninitialised(self, count: int) -> list[Tensor]:
        """Room for images (count, C, S, S) of each domain."""
        return [torch.empty(count, channels, self.size, self.size, dtype=torch.uint8) for channels in self.channels]

    def _squares(self, images: list[Image.Image]) -> list[Tensor]:
        pairs = zip(images, self.channels, strict=True)
        return [center_square(image, channels, self.size) for image, channels in pairs]

    def _pixels(self, index: int) -> list[Tensor]:
        """An image (C, S, S) of each domain."""
        if index < self.kept:
            return [images[index] for images in self._kept]
        try:
            return self._squares(read(self.paths[index], len(self.channels)))
        except UnusableFilesError as error:
            path, why = error.bad[0]
            raise InputError(
                f"data.root is {self.root}, where {path.relative_to(self.root)} was whole at the start and cannot be "
                f"used now ({why}); expected files that stay as they are"
            ) from error


class DomainImages:
    """The images of one domain in files that hold one domain or pairs.

    Args:
        files: the files.
        domain: 1 for the second images of pairs.
    """

    def __init__(self, files: CachedImageFiles, domain: int = 0) -> None:
        self.files, self.domain = files, domain

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: list[int]) -> Tensor:
        """Images (n, C, S, S), uint8."""
        return self.files.batch(indices)[self.domain]


def read(paths: tuple[Path, ...], domains: int) -> list[Image.Image]:
    """An image of each domain, in RGB and as large as in its file.

    Args:
        paths: a file for each domain; or one file for two, a on the left and b on the right.
        domains: how many images to make of them, all of one shape.

    Raises:
        UnusableFilesError: if a file cannot be read, cut in two equal halves, or is of another shape than its partner.
    """
    images: list[Image.Image] = []
    bad: list[tuple[Path, str]] = []
    for path in paths:
        try:
            images.append(open_rgb(path))
        # Pillow's decoders raise almost anything on damaged files, and one report of all files needs them all.
        except Exception as error:
            bad.append((path, reason(error)))
    if bad:
        raise UnusableFilesError(*bad)
    if len(images) < domains:
        width, height = images[0].size
        if width % 2:
            raise UnusableFilesError((paths[0], f"{width} pixels wide, which makes no two equal halves"))
        # Cut before they are resized, so that neither half is blurred into the other.
        images = [images[0].crop((left, 0, left + width // 2, height)) for left in (0, width // 2)]
    if images[0].size != images[-1].size:
        raise UnusableFilesError((paths[0], f"{shape(images[0].size)}, its partner {shape(images[-1].size)}"))
    return images


def shape(size: tuple[int, int]) -> str:
    """A width and a height, in words."""
    return f"{size[0]} x {size[1]} pixels"


def decode_and_check(root: Path, splits: Sequence[Sequence[CachedImageFiles]]) -> None:
    """Decode every file once, on several threads (Pillow gives up Python's lock while it decodes).

    Warns of images whose shape differs from that of most in their domain, since nothing else shows that parts of them
    are cut off.

    Args:
        root: the folder from which files are named.
        splits: for each split its files, of pairs or of each domain.

    Raises:
        InputError: if files cannot be used; it counts them and names the first.
    """
    files = [each for split in splits for each in split]
    jobs = [(each, index) for each in files for index in range(len(each))]
    with ThreadPoolExecutor() as pool:
        bad = [found for some in pool.map(lambda job: job[0].look(job[1]), jobs) for found in some]
    pairs = any(len(each.channels) > 1 for each in files)
    expected = READABLE + (", both of a pair of one shape" if pairs else "")
    reject_unusable("data.root", root, bad, sum(len(paths) for each in files for paths in each.paths), expected)
    warn_of_shapes(root, splits)


def warn_of_shapes(root: Path, splits: Sequence[Sequence[CachedImageFiles]]) -> None:
    """Name the images whose shape differs from that of most in their domain."""
    odd: list[str] = []
    for domain in zip(*splits, strict=True):
        paths = [each[0] for files in domain for each in files.paths]
        shapes = [size for files in domain for size in files.shapes]
        usual = Counter(shapes).most_common(1)[0][0]
        found = zip(paths, shapes, strict=True)
        odd += [f"{path.relative_to(root)} ({shape(size)})" for path, size in found if size != usual]
    if odd:
        rank_zero_warn(
            f"data.root is {root}, where the shape of {len(odd)} image(s) is not that of most: {list_names(odd)}; "
            "their middle squares are used"
        )
