"""Label maps: image files whose pixels are numbers of classes, as images of one channel for each class.

A map of the instances beside it, whose pixels are numbers of objects, adds a channel with their borders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.image_reader import TURNS, TooManyPixelsError, open_stripped, orientation_of

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of an image."""

UNLABELED = 255
"""The number of pixels of no class, as in Cityscapes."""


def read_label_map(content: bytes, max_pixels: int | None = None) -> NDArray[np.uint8]:
    """The class of each pixel (height, width) of an image file: its gray levels, or its places in a palette.

    Args:
        content: the file.
        max_pixels: largest number of pixels, checked before they are decoded; None for Pillow's own limit.

    Raises:
        UnidentifiedImageError: if the file is no image.
        TooManyPixelsError: if there are too many pixels.
        ValueError: if it is in color without a palette, has alpha, or more than 8 bits.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    expected = "a label map: gray levels of 8 bits or a palette, whose numbers are the classes"
    return read_numbers(content, ("1", "L", "P"), expected, max_pixels).astype(np.uint8)


def read_instance_map(content: bytes, max_pixels: int | None = None) -> NDArray[np.int32]:
    """The instance of each pixel (height, width) of an image file; pixels of one color are of one instance.

    Args:
        content: the file: gray levels of 8, 16 or 32 bits, places in a palette, or RGB.
        max_pixels: see :func:`read_label_map`.

    Raises:
        UnidentifiedImageError: if the file is no image.
        TooManyPixelsError: if there are too many pixels.
        ValueError: if it has pixels of another kind, such as with alpha.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    modes = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "RGB")
    values = read_numbers(content, modes, "a map of instances: gray levels, a palette or RGB", max_pixels)
    if values.ndim == 3:
        values = values.astype(np.int32) @ np.array([1, 256, 256**2], dtype=np.int32)
    return values.astype(np.int32)


def read_numbers(content: bytes, modes: tuple[str, ...], expected: str, max_pixels: int | None) -> NDArray[Any]:
    """The pixels of an image file as they are stored, upright.

    Args:
        content: the file.
        modes: Pillow's names of the kinds of pixels that it may have.
        expected: what it should be, for messages.
        max_pixels: see :func:`read_label_map`.

    Raises:
        Exception: see :func:`read_label_map`.
    """
    file, stripped = open_stripped(content)
    with file:
        if max_pixels is not None and file.width * file.height > max_pixels:
            raise TooManyPixelsError(file.size, max_pixels)
        if file.mode not in modes:
            raise ValueError(f"pixels of mode {file.mode}; expected {expected}")
        values: NDArray[Any] = np.asarray(file)
        turn = TURNS.get(orientation_of(file, stripped))
    return values if turn is None else np.asarray(Image.fromarray(values).transpose(turn))


def crop_label_map(
    labels: NDArray[np.uint8],
    channels: int,
    size: tuple[int, int],
    box: Box,
    instances: NDArray[np.int32] | None = None,
) -> Tensor:
    """Cut a label map, and resize it by its nearest pixels.

    Args:
        labels: the class of each pixel, (H, W); :data:`UNLABELED` for none.
        channels: number of classes, and one more for the borders of instances if there are some.
        size: (height, width) of the result.
        box: the part to take.
        instances: the instance of each pixel, (H, W), which is cut and resized likewise; None for no borders.

    Returns:
        (channels, height, width) uint8, 255 in the channel of the pixel's class and 0 in those of others. With
        ``instances`` the last channel is 255 at their :func:`borders`.

    Raises:
        ValueError: if there is a class for which there is no channel.
    """
    classes = channels if instances is None else channels - 1
    if (wrong := labels[(labels >= classes) & (labels != UNLABELED)]).size:
        raise ValueError(
            f"a label map with class {wrong.min()}; expected 0 to {classes - 1} for {classes} channels, or {UNLABELED} "
            "for none"
        )
    height, width = size
    resized = [
        np.asarray(Image.fromarray(each).resize((width, height), Image.Resampling.NEAREST, box))
        for each in (labels, instances)
        if each is not None
    ]
    found = torch.from_numpy(resized[0].copy()) == torch.arange(classes)[:, None, None]
    if len(resized) > 1:
        found = torch.cat([found, torch.from_numpy(borders(resized[1]))[None]])
    return found.to(torch.uint8) * 255


def borders(instances: NDArray[np.int32]) -> NDArray[np.bool_]:
    """The pixels (H, W) whose neighbor above, below, left or right is of another instance.

    They are an input of pix2pixHD (Wang et al., 2018, section 3.3) and SPADE.

    Args:
        instances: the instance of each pixel, (H, W).
    """
    found = np.zeros(instances.shape, dtype=np.bool_)
    rows, columns = instances[1:] != instances[:-1], instances[:, 1:] != instances[:, :-1]
    for part, changes in ((found[1:], rows), (found[:-1], rows), (found[:, 1:], columns), (found[:, :-1], columns)):
        part |= changes
    return found
