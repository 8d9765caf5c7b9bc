"""From what is drawn on the page to a picture of the size and the colours that a model was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.inference import ImageTranslator

CANVAS = 512
"""About how many pixels of the screen a canvas is wide: one of 64 could not be drawn on."""


def canvas_size(size: int) -> int:
    """The side of the canvas for pictures of this size, a multiple of it."""
    return size * max(1, round(CANVAS / size))


def palette(translator: ImageTranslator, direction: str) -> dict[str, str]:
    """Colors of the classes in the label maps that a direction translates, by name; empty if it translates none.

    The checkpoint has them from the data module (:class:`lightning_gans.core.data.PairData`).
    """
    source = direction.partition("_to_")[0]
    classes = translator.metadata.get("palettes", {}).get(source, {})
    return {name: "#" + bytes(color).hex() for name, color in classes.items() if len(color) == 3}


def background(translator: ImageTranslator, direction: str) -> str:
    """The color of an empty canvas: that of the first class, or white."""
    return next(iter(palette(translator, direction).values()), "#ffffff")


def at_trained_size(drawing: Image.Image, size: int, colours: dict[str, str]) -> Image.Image:
    """A drawing at the size that a model was trained on, with no colours between those of its palette, if it has one.

    Args:
        drawing: of any size.
        size: height and width in pixels.
        colours: see :func:`palette`.
    """
    rgb = drawing.convert("RGB")
    small = rgb.resize((size, size), Image.Resampling.BOX)
    if not colours:
        return small
    known: NDArray[Any] = np.array(
        [[int(text[place : place + 2], 16) for place in (1, 3, 5)] for text in colours.values()]
    )
    distances = ((np.asarray(small).astype(int)[:, :, None] - known) ** 2).sum(axis=3)
    return Image.fromarray(known[distances.argmin(axis=2)].astype(np.uint8))
