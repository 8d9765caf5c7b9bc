"""Conversion of drawings to images of the size and the colors that a model was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.inference import ImageTranslator

CANVAS_SIZE = 512
"""Approximate side of a canvas in pixels of the screen."""


def canvas_size(size: int) -> int:
    """Side of the canvas for images of ``size`` pixels, a multiple of ``size``."""
    return size * max(1, round(CANVAS_SIZE / size))


def palette(translator: ImageTranslator, direction: str) -> dict[str, str]:
    """Colors of the classes in the label maps that a direction translates, by name; empty if it translates none.

    The checkpoint has them from the data module (:class:`lightning_gans.core.data.PairData`).
    """
    source = direction.partition("_to_")[0]
    classes = translator.metadata.get("palettes", {}).get(source, {})
    return {name: "#" + bytes(color).hex() for name, color in classes.items() if len(color) == 3}


def background_color(translator: ImageTranslator, direction: str) -> str:
    """The color of an empty canvas: that of the first class, or white."""
    return next(iter(palette(translator, direction).values()), "#ffffff")


def resize_drawing(drawing: Image.Image, size: tuple[int, int], colors: dict[str, str]) -> Image.Image:
    """Resize a drawing to the size that a model was trained on, and map each pixel to the nearest color of the palette.

    Args:
        drawing: of any size.
        size: (height, width) in pixels.
        colors: see :func:`palette`; if it is empty, the colors are not changed.
    """
    rgb = drawing.convert("RGB")
    small = rgb.resize(size[::-1], Image.Resampling.BOX)
    if not colors:
        return small
    known: NDArray[Any] = np.array(
        [[int(text[place : place + 2], 16) for place in (1, 3, 5)] for text in colors.values()]
    )
    distances = ((np.asarray(small).astype(int)[:, :, None] - known) ** 2).sum(axis=3)
    return Image.fromarray(known[distances.argmin(axis=2)].astype(np.uint8))
