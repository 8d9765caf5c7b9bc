"""Images decoded from files: once if they fit in memory, otherwise on each access."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from lightning_gans.core.drawing import MOST_CHANNELS
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_reader import failure_reason, read_file
from lightning_gans.core.pixel_files import OpenedPixels, PixelFormat, open_pixels
from lightning_gans.datamodules.file_states import CHANGED, file_state, file_states


class Listing(NamedTuple):
    """The files of a split: of one domain, or of pairs.

    Attributes:
        paths: for each image its file; for each pair one file with a on the left and b on the right, or two files, that
            of a and that of b, possibly followed by a map of the instances in one of them.
        channels: number of channels of each domain: one entry, or two for pairs.
        instances: the domain of pairs, 0 or 1, whose images are label maps with maps of instances; None for neither.
        bits: bits of each channel of each domain, 8 or 16; 8 if it is empty.
    """

    paths: list[tuple[Path, ...]]
    channels: tuple[int, ...]
    instances: int | None = None
    bits: tuple[int, ...] = ()

    def formats(self, size: tuple[int, int]) -> tuple[PixelFormat, ...]:
        """The format of the pixels of each domain at a size (height, width)."""
        bits = self.bits or (8,) * len(self.channels)
        return tuple(PixelFormat(count, size, each) for count, each in zip(self.channels, bits, strict=True))


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
        deep: the files of which more bits are in the file than are kept.
        file_shapes: (width, height) in pixels of each file, or of the first of a pair; (0, 0) if it cannot be read.
    """

    def __init__(self, root: Path, listing: Listing, size: tuple[int, int], room: float) -> None:
        self.root, self.size = root, size
        self.paths, self.channels, self.instances = listing.paths, listing.channels, listing.instances
        self.formats = listing.formats(size)
        self.deep: set[Path] = set()
        self.shapes = [(0, 0)] * len(self.paths)
        self.states = file_states(path for paths in self.paths for path in paths)
        self.file_shapes = list(self.shapes)
        bytes_each = sum(each.bytes_per_image for each in self.formats)
        self._kept = self._allocate(min(len(self.paths), int(room / bytes_each)))
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
            images = open_files(self.paths[index], self.formats, self.instances)
            self.file_shapes[index] = images[0].size
            self._note_rounded(index, images)
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
        """Images (n, C, H, W), uint8 or uint16, of each domain.

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
        """A hash of the files' names, sizes and modification times, and of the images' channels, size and bits."""
        names = [[path.relative_to(self.root).as_posix() for path in paths] for paths in self.paths]
        states = [[self.states[path] for path in paths] for paths in self.paths]
        deep = [each.bits for each in self.formats if each.bits != 8] and [each.bits for each in self.formats]
        facts = repr((self.size, self.channels, names, states, *deep))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def _allocate(self, count: int) -> list[Tensor]:
        """Uninitialized images (count, C, H, W) of each domain."""
        return [each.empty(count) for each in self.formats]

    def _note_rounded(self, index: int, images: list[OpenedPixels]) -> None:
        """Note the files of an image or a pair that have more bits than are kept."""
        files = zip(self.paths[index], images, self.formats, strict=False)
        self.deep |= {path for path, image, wanted in files if image.facts.bits > wanted.bits}

    def _crops(self, index: int, images: list[OpenedPixels]) -> list[Tensor]:
        """An image (C, H, W) of each domain.

        Raises:
            UnusableFilesError: if a file has another number of channels.
        """
        files = (self.paths[index] * len(images))[: len(images)]  # one file may hold both images
        crops, bad = [], []
        for path, image, wanted in zip(files, images, self.formats, strict=True):
            try:
                crops.append(image.cropped(wanted))
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
            crops = self._crops(index, open_images(self.paths[index], self.formats, self.instances))
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
        """Images (n, C, H, W), uint8 or uint16."""
        return self.files.batch(indices)[self.domain]


def open_images(
    paths: tuple[Path, ...], formats: tuple[PixelFormat, ...], instances: int | None = None
) -> list[OpenedPixels]:
    """Open an image, or both images of a pair: :func:`open_files` and :func:`separate_domains`."""
    return separate_domains(paths, open_files(paths, formats, instances), len(formats))


def open_files(
    paths: tuple[Path, ...], formats: tuple[PixelFormat, ...], instances: int | None = None
) -> list[OpenedPixels]:
    """Open images at the size in the file; image files of a domain of more than 4 channels are label maps.

    Args:
        paths: a file for each domain, or one for both; then a map of instances, if there is one.
        formats: the pixels that are wanted of each domain.
        instances: the domain of the map of instances.

    Raises:
        UnusableFilesError: if a file cannot be read.
    """
    images: list[OpenedPixels] = []
    bad: list[tuple[Path, str]] = []
    alone = len(paths) >= len(formats)
    for path, wanted in zip(paths, formats, strict=False):
        label_map = alone and wanted.channels > MOST_CHANNELS
        bits = wanted.bits if alone else max(each.bits for each in formats)
        try:
            images.append(open_pixels(read_file(path), path.name, label_map, bits=bits))
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
