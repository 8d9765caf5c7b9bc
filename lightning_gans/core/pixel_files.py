"""Image files as pixels of the size and the channels that are asked for."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.array_files import ARRAY, read_array
from lightning_gans.core.deep_images import DeepImage, read_deep, resized_levels
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_reader import (
    READABLE,
    FileFacts,
    TooManyPixelsError,
    channels_of,
    check_range,
    describe_image,
    flatten,
    has_16_bits,
    image_format,
    open_described,
    open_stripped,
    orientation_of,
    read_file,
    to_8_bits,
)
from lightning_gans.core.images import has_alpha, in_8_bits, pixel_type
from lightning_gans.core.label_maps import crop_label_map, read_instance_map, read_label_map
from lightning_gans.core.tiff_samples import SampleLayout, check_layout, read_samples, sample_layout

READABLE_ARRAYS = f"{READABLE}, or {ARRAY} files of (height, width, channels) of 8 or 16 bits"
"""What error messages expect files to be where arrays are read too."""

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's names of images by their number of channels."""


class PixelFormat(NamedTuple):
    """The pixels that files are read as.

    Attributes:
        channels: number of channels.
        size: (height, width).
        bits: bits of each channel, 8 or 16.
    """

    channels: int
    size: tuple[int, int]
    bits: int = 8

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the pixels of one image: (channels, height, width)."""
        return (self.channels, *self.size)

    @property
    def bytes_per_image(self) -> int:
        """Size of the pixels of one image."""
        return self.channels * self.size[0] * self.size[1] * self.bits // 8

    def empty(self, count: int) -> Tensor:
        """Uninitialized pixels (count, channels, height, width) of images."""
        return torch.empty(count, *self.shape, dtype=pixel_type(self.bits))


def load_pixels(path: Path, channels: int, size: tuple[int, int]) -> Tensor:
    """Load an image file, or an array, as pixels (channels, height, width) uint8; see :func:`decode_pixels`."""
    return decode_pixels(read_file(path), path.name, PixelFormat(channels, size))[0]


class OpenedPixels(NamedTuple):
    """What an image file, or an array, holds, before it is cut and resized.

    Attributes:
        content: an image of 8 bits in RGB, or RGBA if it is transparent; or an image of 16 bits; or the levels (height,
            width, channels) of an array, uint8 or uint16; or the classes (height, width) of a label map, uint8.
        facts: what the file holds.
        instances: the instances (height, width) of a label map, whose borders are its last channel; None for no such
            channel.
    """

    content: Image.Image | DeepImage | NDArray[Any]
    facts: FileFacts
    instances: NDArray[np.int32] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if isinstance(self.content, Image.Image | DeepImage):
            return self.content.size
        return self.content.shape[1], self.content.shape[0]

    def columns(self, first: int, stop: int) -> OpenedPixels:
        """The part with the columns from ``first`` up to ``stop``."""
        if isinstance(self.content, Image.Image):
            part = self.content.crop((first, 0, stop, self.content.height))
            return self._replace(content=part)
        if isinstance(self.content, DeepImage):
            return self._replace(content=self.content.columns(first, stop))
        return self._replace(content=self.content[:, first:stop])

    def with_instances(self, content: bytes) -> OpenedPixels:
        """A label map with the instances of an image file beside it; see :func:`.read_instance_map`.

        Raises:
            ValueError: if this is no label map, the file has another size, or its pixels are no instances.
            Exception: any error of Pillow, if the pixels are damaged.
        """
        if not isinstance(self.content, np.ndarray) or self.content.ndim != 2:
            raise ValueError("a map of instances beside what is no label map; expected one beside a label map")
        instances = read_instance_map(content)
        if instances.shape != self.content.shape:
            height, width = instances.shape
            raise ValueError(f"{width} x {height} pixels, its label map {self.size[0]} x {self.size[1]}")
        return self._replace(instances=instances)

    def cropped(self, wanted: PixelFormat) -> Tensor:
        """Pixels (channels, height, width) of the format that is asked for; see :func:`decode_pixels`.

        Raises:
            ValueError: if the file has another number of channels.
        """
        pixels = self._cropped(wanted)
        if pixels.dtype == pixel_type(wanted.bits):
            return pixels
        if wanted.bits == 8:
            return in_8_bits(pixels)
        return torch.from_numpy(pixels.numpy().astype(np.uint16) * np.uint16(257))  # 255 becomes 65535

    def _cropped(self, wanted: PixelFormat) -> Tensor:
        """Pixels of 8 bits, or of 16 if the content has them."""
        channels, size, _ = wanted
        box = covered_box(self.size, size)
        if isinstance(self.content, np.ndarray):
            if self.content.ndim == 2:
                return crop_label_map(self.content, channels, size, box, self.instances)
            if (found := self.content.shape[2]) != channels:
                raise ValueError(f"an array of {found} channel(s); expected {channels}")
            return resized_levels(self.content, size, box)
        check_image_channels(channels)
        if isinstance(self.content, DeepImage):
            return self.content.resized(channels, size, box)
        if has_alpha(channels):
            pixels = center_crop(self.content, channels, size)
            pixels[:-1, pixels[-1] == 0] = 0
            return pixels
        return center_crop(flatten(self.content), channels, size)


def check_image_channels(channels: int) -> None:
    """Check that image files have as many channels.

    Raises:
        ValueError: if they have not.
    """
    if channels not in MODES:
        raise ValueError(
            f"an image file, which has at most 4 channels; expected {ARRAY} files, or TIFF files of {channels} channels"
        )


def open_pixels(
    content: bytes, name: str, label_map: bool = False, max_pixels: int | None = None, bits: int = 8
) -> OpenedPixels:
    """Open an image file, or an array.

    Args:
        content: the file.
        name: its name, whose extension says whether it is a ``.npy`` file.
        label_map: whether an image file is a label map; see :func:`.read_label_map`.
        max_pixels: largest number of pixels of an image file; see :func:`open_described`.
        bits: bits of each channel that are kept of files that have more than 8: 16, or 8, to which they are rounded.

    Raises:
        ValueError: if the file is no such array, or for the reasons of :func:`open_described`.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    if is_array(name):
        return opened_array(read_array(content), bits)
    if (layout := array_layout(content)) is not None:
        levels = DeepImage(read_samples(content, layout)).turned(layout.orientation).levels
        return opened_array(levels, bits)
    if label_map:
        labels = read_label_map(content)
        return OpenedPixels(labels, FileFacts(labels.shape[1], labels.shape[0], 1, 8))
    deep = open_deep(content, max_pixels) if bits > 8 else None
    return OpenedPixels(*open_described(content, max_pixels)) if deep is None else deep


def opened_array(levels: NDArray[Any], bits: int) -> OpenedPixels:
    """The levels (height, width, channels), uint8 or uint16, of an array."""
    height, width, channels = levels.shape
    facts = FileFacts(width, height, channels, 8 * levels.itemsize)
    return OpenedPixels(to_8_bits(levels, 2**16 - 1) if facts.bits > bits else levels, facts)


def open_deep(content: bytes, max_pixels: int | None) -> OpenedPixels | None:
    """Open an image file of more than 8 bits; None if it has 8, or is of a kind of which no more are read."""
    file, stripped = open_stripped(content)
    with file:
        if not has_16_bits(file, content):
            return None
        if max_pixels is not None and file.width * file.height > max_pixels:
            raise TooManyPixelsError(file.size, max_pixels)
        check_range(file)
        levels, channels = read_deep(file, stripped), channels_of(file)
        orientation = orientation_of(file, stripped)
    if levels is None:
        return None
    image = DeepImage(levels).turned(orientation)
    return OpenedPixels(image, FileFacts(*image.size, channels + (channels % 2 and has_alpha(levels.shape[2])), 16))


def decode_pixels(content: bytes, name: str, wanted: PixelFormat) -> tuple[Tensor, FileFacts]:
    """Decode an image file, or an array; see :func:`center_crop`.

    Image files are converted to gray or RGB on white, or with alpha for 2 or 4 channels, where the color of what is
    fully transparent is black, since files may have any there. Arrays are ``.npy`` files, and TIFF files whose channels
    have no known colors; their channels are taken as they are. If 16 bits are asked for, levels of 8 bits are
    multiplied by 257; if 8, those of 16 are rounded.

    Args:
        content: the file.
        name: its name, whose extension says whether it is a ``.npy`` file.
        wanted: the format of the pixels; more than 4 channels are possible from arrays only.

    Returns:
        Pixels (channels, height, width), uint8 or uint16, and what the file holds.

    Raises:
        ValueError: if the file has another number of channels, or for the reasons of :func:`open_described`.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    if not holds_array(content, name):
        check_image_channels(wanted.channels)  # before the pixels are decoded
    opened = open_pixels(content, name, bits=wanted.bits)
    return opened.cropped(wanted), opened.facts


def is_array(name: str) -> bool:
    """Whether a file of this name is an array of NumPy."""
    return PurePath(name).suffix.lower() == ARRAY


def array_layout(content: bytes) -> SampleLayout | None:
    """The layout of a TIFF file whose channels have no known colors; None for all other files."""
    layout = sample_layout(content) if image_format(content) == "TIFF" else None
    return layout if layout is not None and layout.is_array else None


def holds_array(content: bytes, name: str) -> bool:
    """Whether a file is an array, whose channels are taken as they are: of NumPy, or some TIFF files."""
    return is_array(name) or array_layout(content) is not None


def describe_pixels(content: bytes, name: str) -> FileFacts:
    """Say what an image file, or an array, holds, without decoding pixels; see :func:`.describe_image`.

    Args:
        content: the file.
        name: its name, whose extension says whether it is a ``.npy`` file.

    Raises:
        ValueError: if the file cannot be used, as far as its header says.
    """
    if is_array(name):
        values = read_array(content)
        height, width, channels = values.shape
        return FileFacts(width, height, channels, 8 * values.itemsize)
    if (layout := array_layout(content)) is None:
        return describe_image(content)
    check_layout(layout)
    shape = (layout.width, layout.height) if layout.orientation < 5 else (layout.height, layout.width)
    return FileFacts(*shape, layout.samples, layout.bits)


def center_crop(image: Image.Image, channels: int, size: tuple[int, int]) -> Tensor:
    """Resize an image until it covers ``size``, and crop its center.

    Args:
        image: gray or RGB; with alpha, if it has any, for 2 or 4 channels.
        channels: 1 to 4.
        size: (height, width).

    Returns:
        Pixels (channels, height, width) uint8.
    """
    # From RGB Pillow has no way to gray with alpha.
    image = image.convert("RGBA" if channels == 2 else MODES[channels]).convert(MODES[channels])
    height, width = size
    # With a box, Pillow computes only the crop of the resized image: a long strip needs no more memory.
    return pixels_of(image.resize((width, height), Image.Resampling.BICUBIC, covered_box(image.size, size)))


def covered_box(shape: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the largest part at the center that has the ratio of sides of a size.

    Args:
        shape: (width, height) of the image.
        size: (height, width) of the result.
    """
    (across, down), (height, width) = shape, size
    shown_width, shown_height = min(across, down * width / height), min(down, across * height / width)
    left, top = (across - shown_width) // 2, (down - shown_height) // 2
    return left, top, left + shown_width, top + shown_height
