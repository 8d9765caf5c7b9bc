"""Label maps: image files whose pixels are numbers of classes, as images of one channel for each class."""

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
    file, stripped = open_stripped(content)
    with file:
        if max_pixels is not None and file.width * file.height > max_pixels:
            raise TooManyPixelsError(file.size, max_pixels)
        if file.mode not in ("1", "L", "P"):
            raise ValueError(
                f"pixels of mode {file.mode}; expected a label map: gray levels of 8 bits or a palette, whose numbers "
                "are the classes"
            )
        values: NDArray[Any] = np.asarray(file)
        turn = TURNS.get(orientation_of(file, stripped))
    if turn is not None:
        values = np.asarray(Image.fromarray(values).transpose(turn))
    return values.astype(np.uint8)


def crop_label_map(labels: NDArray[np.uint8], classes: int, size: tuple[int, int], box: Box) -> Tensor:
    """Cut a label map, and resize it by its nearest pixels.

    Args:
        labels: the class of each pixel, (H, W); :data:`UNLABELED` for none.
        classes: number of classes.
        size: (height, width) of the result.
        box: the part to take.

    Returns:
        (classes, height, width) uint8, 255 in the channel of the pixel's class and 0 in others.

    Raises:
        ValueError: if there is a class that is not less than ``classes``.
    """
    if (wrong := labels[(labels >= classes) & (labels != UNLABELED)]).size:
        raise ValueError(
            f"a label map with class {wrong.min()}; expected 0 to {classes - 1} for {classes} channels, or {UNLABELED} "
            "for none"
        )
    height, width = size
    resized = np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST, box))
    return (torch.from_numpy(resized.copy()) == torch.arange(classes)[:, None, None]).to(torch.uint8) * 255
