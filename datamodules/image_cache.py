"""Images decoded from files: once if they fit in memory, otherwise on each access."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_gans.core.array_files import ARRAY
from lightning_gans.core.drawing import MOST_CHANNELS
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import reject_unusable
from lightning_gans.core.image_reader import READABLE, failure_reason, read_file
from lightning_gans.core.names import list_names
from lightning_gans.core.pixel_files import READABLE_ARRAYS, OpenedPixels, PixelFormat, open_pixels
from lightning_gans.datamodules.file_states import CHANGED, file_state, file_states


class Listing(NamedTuple):
    """The files of a split: of one domain, or of pairs.

    Attributes:
        paths: for each image its file; for each pair one file with a on the left and b on the right, or two files, that
            of a and that of b, possibly followed by a map of the instances in one of them.
        channels: number of channels of each domain: one entry, or two for pairs.
        instances: the domain of pairs, 0 or 1, whose images are label maps with maps of instances; None for neither.
    """

    paths: list[tuple[Path, ...]]
    channels: tuple[int, ...]
    instances: int | None = None


class UnusableFilesError(Exception):
    """Files that cannot be used.

    Attributes:
        bad: the files, each with the reason.
    """

    def __init__(self, *bad: tuple[Path, str]) -> None:
        super().__init__(*bad)
        self.bad = bad


class CachedImageFiles:
    """Images of one domain, or pairs, from files. The first ones are kept decoded, as many as fit into ``room``.

    :func:`decode_and_check` must be called before the first batch.

    Args:
        root: the folder relative to which error messages name files.
        listing: the files.
        size: (height, width) of the images.
        room: memory for decoded images, in bytes.

    Attributes:
        shapes: (width, height) in pixels of each image in its file; of a pair that of either image.
        states: the state of each file when it was listed.
        file_shapes: (width, height) in pixels of each file, or of the first of a pair; (0, 0) if it cannot be read.
    """

    def __init__(self, root: Path, listing: Listing, size: tuple[int, int], room: float) -> None:
        self.root, self.size = root, size
        self.paths, self.channels, self.instances = listing
        self.shapes = [(0, 0)] * len(self.paths)
        self.states = file_states(path for paths in self.paths for path in paths)
        self.file_shapes = list(self.shapes)
        self._kept = self._allocate(min(len(self.paths), int(room / (sum(self.channels) * size[0] * size[1]))))
        self._last: tuple[list[int], list[Tensor]] = [], self._allocate(0)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def kept(self) -> int:
        """Number of images, or pairs, that are kept in memory."""
        return len(self._kept[0])

    @property
    def kept_bytes(self) -> int:
        """Size of the images in memory, in bytes."""
        return sum(images.nbytes for images in self._kept)

    def check(self, index: int) -> tuple[tuple[Path, str], ...]:
        """Decode an image or a pair, store its shape, and keep it if there is room.

        Returns:
            The files that cannot be used, each with the reason.
        """
        try:
            images = open_files(self.paths[index], self.channels, self.instances)
            self.file_shapes[index] = images[0].size
            images = separate_domains(self.paths[index], images, len(self.channels))
            decoded = self._crops(index, images)
        except UnusableFilesError as error:
            return error.bad
        if changed := self._changed(index):
            return tuple((path, CHANGED) for path in changed)
        self.shapes[index] = images[0].size
        if index < self.kept:
            for kept, pixels in zip(self._kept, decoded, strict=True):
                kept[index] = pixels
        return ()

    def batch(self, indices: list[int]) -> list[Tensor]:
        """Images (n, C, H, W) uint8 of each domain.

        Raises:
            InputError: if a file has changed or become unusable; it names the file.
        """
        # Both domains of pairs are requested one after the other, but decoded together.
        if indices != self._last[0]:
            batch = self._allocate(len(indices))
            for place, index in enumerate(indices):
                for images, pixels in zip(batch, self._pixels(index), strict=True):
                    images[place] = pixels
            self._last = list(indices), batch
        return self._last[1]

    def fingerprint(self) -> str:
        """A hash of the files' names, sizes and modification times, and of the images' channels and size."""
        names = [[path.relative_to(self.root).as_posix() for path in paths] for paths in self.paths]
        states = [[self.states[path] for path in paths] for paths in self.paths]
        facts = repr((self.size, self.channels, names, states))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def _allocate(self, count: int) -> list[Tensor]:
        """Uninitialized images (count, C, H, W) of each domain."""
        return [torch.empty(count, channels, *self.size, dtype=torch.uint8) for channels in self.channels]

    def _crops(self, index: int, images: list[OpenedPixels]) -> list[Tensor]:
        """An image (C, H, W) of each domain.

        Raises:
            UnusableFilesError: if a file has another number of channels.
        """
        files = (self.paths[index] * len(images))[: len(images)]  # one file may hold both images
        crops, bad = [], []
        for path, image, channels in zip(files, images, self.channels, strict=True):
            try:
                crops.append(image.cropped(PixelFormat(channels, self.size)))
            except ValueError as error:
                bad.append((path, str(error)))
        if bad:
            raise UnusableFilesError(*dict(bad).items())
        return crops

    def _changed(self, index: int) -> list[Path]:
        """The files of an image or a pair whose state differs from that when they were listed."""
        return [path for path in self.paths[index] if file_state(path) != self.states[path]]

    def _pixels(self, index: int) -> list[Tensor]:
        """An image (C, H, W) of each domain."""
        if index < self.kept:
            return [images[index] for images in self._kept]
        try:
            crops = self._crops(index, open_images(self.paths[index], self.channels, self.instances))
        except UnusableFilesError as error:
            path, why = error.bad[0]
            raise InputError(
                f"root is {self.root}, where {path.relative_to(self.root)} could be used at the start, but cannot be "
                f"used now ({why}); expected files that do not change during a run"
            ) from error
        if changed := self._changed(index):
            raise InputError(
                f"root is {self.root}, where {changed[0].relative_to(self.root)} has changed since the start (its size "
                "or its modification time); expected files that do not change during a run"
            )
        return crops


class DomainImages:
    """The images of one domain in files of one domain or of pairs.

    Args:
        files: the files.
        domain: index of the domain: 0, or 1 for the second images of pairs.
    """

    def __init__(self, files: CachedImageFiles, domain: int = 0) -> None:
        self.files, self.domain = files, domain

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: list[int]) -> Tensor:
        """Images (n, C, H, W), uint8."""
        return self.files.batch(indices)[self.domain]


def open_images(paths: tuple[Path, ...], channels: tuple[int, ...], instances: int | None = None) -> list[OpenedPixels]:
    """Open an image, or both images of a pair: :func:`open_files` and :func:`separate_domains`."""
    return separate_domains(paths, open_files(paths, channels, instances), len(channels))


def open_files(paths: tuple[Path, ...], channels: tuple[int, ...], instances: int | None = None) -> list[OpenedPixels]:
    """Open images at the size in the file; image files of a domain of more than 4 channels are label maps.

    Args:
        paths: a file for each domain, or one for both; then a map of instances, if there is one.
        channels: number of channels of each domain.
        instances: the domain of the map of instances.

    Raises:
        UnusableFilesError: if a file cannot be read.
    """
    images: list[OpenedPixels] = []
    bad: list[tuple[Path, str]] = []
    alone = len(paths) >= len(channels)
    for path, count in zip(paths, channels, strict=False):
        try:
            images.append(open_pixels(read_file(path), path.name, label_map=alone and count > MOST_CHANNELS))
        # Pillow's decoders raise all kinds of exceptions; all are caught, so that all files are reported at once.
        except Exception as error:
            bad.append((path, failure_reason(error)))
    if instances is not None and not bad:
        try:
            images[instances] = images[instances].with_instances(read_file(paths[-1]))
        except Exception as error:  # as above
            bad.append((paths[-1], failure_reason(error)))
    if bad:
        raise UnusableFilesError(*bad)
    return images


def separate_domains(paths: tuple[Path, ...], images: list[OpenedPixels], domains: int) -> list[OpenedPixels]:
    """The image of each domain.

    Args:
        paths: a file for each domain, and possibly more; or one for two domains, a on the left and b on the right.
        images: the images in these files.
        domains: number of domains, whose images must have the same shape.

    Raises:
        UnusableFilesError: if a file has an odd width and must be cut into halves, or has another shape than its
            partner.
    """
    if len(images) < domains:
        width = images[0].size[0]
        if width % 2:
            raise UnusableFilesError((paths[0], f"{width} pixels wide; cannot be cut into equal halves"))
        # Cut before resizing, so that the halves are not blurred into each other.
        images = [images[0].columns(left, left + width // 2) for left in (0, width // 2)]
    if images[0].size != images[-1].size:
        raise UnusableFilesError(
            (paths[0], f"{format_shape(images[0].size)}, its partner {format_shape(images[-1].size)}")
        )
    return images


def format_shape(size: tuple[int, int]) -> str:
    """A width and a height as text."""
    return f"{size[0]} x {size[1]} pixels"


def decode_and_check(root: Path, splits: Sequence[Sequence[CachedImageFiles]], narrow_joined: bool = False) -> None:
    """Decode every file once, on several threads (Pillow releases Python's lock while it decodes).

    Warns of images whose shape differs from that of most images of their domain, since parts of them are cut off.

    Args:
        root: the folder relative to which messages name files.
        splits: for each split its files: one element for pairs, or one for each domain.
        narrow_joined: whether files with both images of a pair may be of any shape.

    Raises:
        InputError: if files cannot be used, or most files of pairs do not look as if they held two images; it counts
            them and names the first ones.
    """
    files = [each for split in splits for each in split]
    jobs = [(each, index) for each in files for index in range(len(each))]
    with ThreadPoolExecutor() as pool:
        bad = [found for some in pool.map(lambda job: job[0].check(job[1]), jobs) for found in some]
    if not narrow_joined:
        check_joined(root, files)
    pairs = any(len(each.channels) > 1 for each in files)
    arrays = any(path.suffix.lower() == ARRAY for each in files for paths in each.paths for path in paths)
    expected = (READABLE_ARRAYS if arrays else READABLE) + (
        ", both images of a pair with the same shape" if pairs else ""
    )
    reject_unusable("root", root, bad, sum(len(paths) for each in files for paths in each.paths), expected)
    warn_of_shapes(root, splits)


NARROWEST_JOINED = 1.9
"""Least width of a file that holds two images side by side, in heights: two squares, up to a border."""


def check_joined(root: Path, files: Iterable[CachedImageFiles]) -> None:
    """Check that files look as if they held both images of a pair, since any image can be cut into halves.

    Args:
        root: the folder relative to which error messages name files.
        files: files of any kind; only those that hold two images are checked.

    Raises:
        InputError: if most of them in one folder of ``root`` are less than about twice as wide as high.
    """
    folders: dict[str, list[tuple[str, tuple[int, int]]]] = {}
    for each in files:
        for paths, size in zip(each.paths, each.file_shapes, strict=True):
            if len(paths) < len(each.channels) and size != (0, 0):
                path = paths[0].relative_to(root)
                folders.setdefault(path.parts[0], []).append((path.as_posix(), size))
    for folder, known in folders.items():
        narrow = sorted((path, size) for path, size in known if size[0] < NARROWEST_JOINED * size[1])
        if 2 * len(narrow) > len(known):
            example, size = narrow[0]
            raise InputError(
                f"root is {root}, where {len(narrow)} of {len(known)} images in {folder} do not look like two images "
                f"side by side, such as {example} ({format_shape(size)}); expected files that are about twice as wide "
                f"as high, or more; or one image in each file, in {folder}/A and {folder}/B; or narrow_joined to be "
                "true, for pairs of upright images"
            )


def warn_of_shapes(root: Path, splits: Sequence[Sequence[CachedImageFiles]]) -> None:
    """Warn of images whose shape differs from that of most images of their domain."""
    odd: list[str] = []
    for domain in zip(*splits, strict=True):
        paths = [each[0] for files in domain for each in files.paths]
        shapes = [size for files in domain for size in files.shapes]
        usual = Counter(shapes).most_common(1)[0][0]
        found = zip(paths, shapes, strict=True)
        odd += [f"{path.relative_to(root)} ({format_shape(size)})" for path, size in found if size != usual]
    if odd:
        rank_zero_warn(
            f"root is {root}, where {len(odd)} image(s) have another shape than most: {list_names(odd)}; "
            "their centers are used"
        )
