"""The images that the page shows, generated and translated, and the drawings that it sends to a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.drawing import grid, to_pil
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import ImageTranslator, LatentSampler
from lightning_gans.inference.tiled.translate import translate_picture

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


MAX_IMAGES = 64
"""Largest number of images in a grid."""

STRIP_IMAGES = 9
"""Number of images in a film strip."""


class Choice(NamedTuple):
    """A generated image, as chosen on the page.

    Attributes:
        seed: the image is the first of this seed; None if the field is empty.
        label: its class; ignored by an unconditional model.
    """

    seed: float | None
    label: int = 0


def sample_grid(
    sampler: LatentSampler, choice: Choice, count: int = 1, truncation: float = 0.0, all_classes: bool = False
) -> Image.Image:
    """Generate the first images of a seed, as a grid that is about square; a single image without a border.

    Args:
        sampler: the model.
        choice: the seed, and the class of all images.
        count: number of images.
        truncation: see :meth:`.LatentSampler.sample`; 0 for none.
        all_classes: whether to cycle through all classes instead.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not 1 <= count <= MAX_IMAGES:
        raise ValueError(f"the number of images is {count}; expected 1 to {MAX_IMAGES}")
    labels = choice.label if sampler.num_classes and not all_classes else None
    images = sampler.sample(count, labels, parse_seed(choice.seed), truncation or None)
    return draw(images, math.ceil(math.sqrt(count)))


def interpolate_at(
    sampler: LatentSampler, start: Choice, end: Choice, position: float, truncation: float = 0.0
) -> Image.Image:
    """The image at a position between ``start`` (0) and ``end`` (1); see :meth:`.LatentSampler.interpolate_at`.

    Raises:
        ValueError: if an argument is out of range.
    """
    seeds, labels = seeds_and_labels(sampler, start, end)
    return draw(sampler.interpolate_at(seeds, position, labels, truncation or None), 1)


def film_strip(sampler: LatentSampler, start: Choice, end: Choice, truncation: float = 0.0) -> Image.Image:
    """Evenly spaced images from ``start`` to ``end``, side by side.

    Raises:
        ValueError: if an argument is out of range.
    """
    seeds, labels = seeds_and_labels(sampler, start, end)
    return draw(sampler.interpolate(seeds, labels, STRIP_IMAGES, truncation or None), STRIP_IMAGES)


def seeds_and_labels(sampler: LatentSampler, start: Choice, end: Choice) -> tuple[list[int], list[int] | None]:
    """Seeds, and for a conditional model labels, of two images.

    Raises:
        ValueError: if a seed is missing or out of range.
    """
    labels = [start.label, end.label] if sampler.num_classes else None
    return [parse_seed(start.seed), parse_seed(end.seed)], labels


def parse_seed(seed: float | None) -> int:
    """The seed in a number field, which may be empty.

    Raises:
        ValueError: if it is not an integer of at least 0.
    """
    if seed is None or seed != int(seed) or seed < 0:
        raise ValueError(f"the seed is {'empty' if seed is None else seed}; expected an integer of at least 0")
    return int(seed)


def draw(images: Tensor, columns: int) -> Image.Image:
    """Images (N, C, H, W) in [-1, 1] as a grid; a single image without a border."""
    pixels = to_uint8(images)
    return to_pil(pixels[0]) if len(pixels) == 1 else grid(pixels, columns)


def translate_image(
    translator: ImageTranslator,
    source: Image.Image,
    direction: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Image.Image, Image.Image]:
    """Translate an image of any size.

    Args:
        translator: the model.
        source: RGB, or RGBA with the colors on a white background.
        direction: "a_to_b" or "b_to_a"; None for the model's first.
        progress: called with the number of finished steps and their total.

    Returns:
        The network's input, in gray if it has one channel; and the translation, with the alpha channel of ``source``.

    Raises:
        ValueError: if the model does not have that direction.
    """
    direction = translator.resolve_direction(direction)
    network = translator.network(direction)
    shown = source.convert("RGB").convert("L" if network.channels_in == 1 else "RGB")
    result = to_pil(translate_picture(network, pixels_of(shown), translator.sizes[direction], progress=progress))
    if source.mode == "RGBA":
        result.putalpha(source.getchannel("A"))
    return shown, result
