"""Image files as pixels of the size and the channels that are asked for."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from lightning_gans.core.array_files import ARRAY, read_array
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_reader import (
    READABLE,
    FileFacts,
    describe_image,
    flatten,
    open_described,
    read_file,
    to_8_bits,
)
from lightning_gans.core.images import has_alpha

READABLE_ARRAYS = f"{READABLE}, or {ARRAY} files of (height, width, channels) of 8 or 16 bits"
"""What error messages expect files to be where arrays are read too."""

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's names of images by their number of channels."""


class PixelFormat(NamedTuple):
    """The pixels that files are read as.

    Attributes:
        channels: number of channels.
        size: (height, width).
    """

    channels: int
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the pixels of one image: (channels, height, width)."""
        return (self.channels, *self.size)

    @property
    def bytes_per_image(self) -> int:
        """Size of the pixels of one image."""
        return self.channels * self.size[0] * self.size[1]


def load_pixels(path: Path, channels: int, size: tuple[int, int]) -> Tensor:
    """Load an image file, or a ``.npy`` file, as pixels (channels, height, width) uint8; see :func:`decode_pixels`."""
    return decode_pixels(read_file(path), path.name, PixelFormat(channels, size))[0]


def decode_pixels(content: bytes, name: str, wanted: PixelFormat) -> tuple[Tensor, FileFacts]:
    """Decode an image file, or a ``.npy`` file; see :func:`center_crop`.

    Image files are converted to gray or RGB on white, or with alpha for 2 or 4 channels, where the color of what is
    fully transparent is black, since files may have any there. The channels of a ``.npy`` file are taken as they are.

    Args:
        content: the file.
        name: its name, whose extension says whether it is a ``.npy`` file.
        wanted: the format of the pixels; more than 4 channels are possible from ``.npy`` files only.

    Returns:
        Pixels (channels, height, width) uint8, and what the file holds.

    Raises:
        ValueError: if the file has another number of channels, or for the reasons of :func:`open_described`.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    channels, size = wanted
    if is_array(name):
        values = read_array(content)
        height, width, found = values.shape
        facts = FileFacts(width, height, found, 8 * values.itemsize)
        if found != channels:
            raise ValueError(f"an array of {found} channel(s); expected {channels}")
        levels = values if values.itemsize == 1 else to_8_bits(values, 2**16 - 1)
        crops = [center_crop(Image.fromarray(levels[:, :, channel]), 1, size) for channel in range(channels)]
        return torch.cat(crops), facts
    if channels not in MODES:
        raise ValueError(f"an image file, which has at most 4 channels; expected {ARRAY} files for {channels}")
    image, facts = open_described(content)
    if has_alpha(channels):
        pixels = center_crop(image, channels, size)
        pixels[:-1, pixels[-1] == 0] = 0
        return pixels, facts
    return center_crop(flatten(image), channels, size), facts


def is_array(name: str) -> bool:
    """Whether a file of this name is an array of NumPy."""
    return PurePath(name).suffix.lower() == ARRAY


def describe_pixels(content: bytes, name: str) -> FileFacts:
    """Say what an image file, or a ``.npy`` file, holds, without decoding pixels; see :func:`.describe_image`.

    Args:
        content: the file.
        name: its name, whose extension says whether it is a ``.npy`` file.

    Raises:
        ValueError: if the file cannot be used, as far as its header says.
    """
    if not is_array(name):
        return describe_image(content)
    values = read_array(content)
    height, width, channels = values.shape
    return FileFacts(width, height, channels, 8 * values.itemsize)


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
    shown_width = min(image.width, image.height * width / height)
    shown_height = min(image.height, image.width * height / width)
    left, top = (image.width - shown_width) // 2, (image.height - shown_height) // 2
    # With a box, Pillow computes only the crop of the resized image: a long strip needs no more memory.
    box = (left, top, left + shown_width, top + shown_height)
    return pixels_of(image.resize((width, height), Image.Resampling.BICUBIC, box))
