"""The images that the page shows, generated and translated, and the drawings that it sends to a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.data import class_titles
from lightning_gans.core.drawing import grid, to_pil
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import ImageTranslator, LatentSampler
from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks.latent_space import LatentSpace
from lightning_gans.runs.record import ModelMetadata

CANVAS_SIZE = 512
"""Approximate longer side of a canvas in pixels of the screen."""


def canvas_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the canvas for images of ``size``, (height, width): a multiple of theirs."""
    scale = max(1, round(CANVAS_SIZE / max(size)))
    return scale * size[1], scale * size[0]


def domain_name(metadata: ModelMetadata, domain: str) -> str:
    """What the images of a domain show, as its data say; else its letter."""
    return metadata.get("domains", {}).get(domain, domain)


def direction_name(translator: ImageTranslator, direction: str) -> str:
    """The name of a direction, such as "photo to labels"."""
    return " to ".join(domain_name(translator.metadata, domain) for domain in direction.split("_to_"))


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


CLASS_COLUMNS = 10
"""A grid of all classes has a column for each, if there are at most this many."""

ALL_CLASSES = -1
"""In place of a class: the images have all classes in turn, and the first image has the first class."""


class Choice(NamedTuple):
    """A generated image, as chosen on the page.

    Attributes:
        seed: the image is the first of this seed; None if the field is empty.
        label: its class, or :data:`ALL_CLASSES`; ignored by an unconditional model.
    """

    seed: float | None
    label: int = 0


def sample_grid(sampler: LatentSampler, choice: Choice, count: int = 1, truncation: float | None = None) -> Image.Image:
    """Generate the first images of a seed, as a grid that is about square; a single image without a border.

    Args:
        sampler: the model.
        choice: the seed, and the class of all images.
        count: number of images.
        truncation: see :meth:`.LatentSampler.sample`.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not 1 <= count <= MAX_IMAGES:
        raise ValueError(f"the number of images is {count}; expected 1 to {MAX_IMAGES}")
    cycle = choice.label == ALL_CLASSES
    labels = choice.label if sampler.num_classes and not cycle else None
    images = sampler.sample(count, labels, parse_seed(choice.seed), truncation)
    return draw(images, grid_columns(count, sampler.num_classes if cycle else 0))


def grid_columns(count: int, num_classes: int = 0) -> int:
    """The number of images in a row of a grid that is about square and has few empty places.

    Args:
        count: number of images.
        num_classes: number of classes that the images have in turn. If there are few, a column has images of one class.
    """
    side = math.sqrt(count)
    if 0 < num_classes <= CLASS_COLUMNS:
        return num_classes * max(1, round(side / num_classes))
    widths = range(math.ceil(side), int(1.5 * side) + 1)
    return min(widths, key=lambda width: (-count % width, width))


def default_count(num_classes: int) -> int:
    """The number of images in a grid that the page shows first: about 16, in full rows, at least four."""
    return 4 * grid_columns(16, num_classes)


def class_names(sampler: LatentSampler) -> list[str]:
    """The titles of the model's classes."""
    return class_titles(sampler.metadata.get("classes", []), sampler.num_classes)


def truncation_of(space: LatentSpace, strength: float) -> float | None:
    """The truncation for a position of its slider.

    Args:
        space: the model's.
        strength: from 0 for no truncation to less than 1.

    Returns:
        See :meth:`.LatentSampler.sample`; rounded as the page shows it, so that the command gives the same images.

    Raises:
        ValueError: if ``strength`` is out of range.
    """
    if not 0 <= strength < 1:
        raise ValueError(f"the truncation is {strength}; expected at least 0 and less than 1")
    return float(f"{(1 - strength) * space.weakest:.3g}") if strength else None


def describe_grid(sampler: LatentSampler, choice: Choice, truncation: float | None) -> str:
    """The order of the classes in a grid, and the option of the commands that truncates in the same way."""
    names = class_names(sampler)
    parts = []
    if names and choice.label == ALL_CLASSES:
        few = len(names) <= CLASS_COLUMNS
        listed = ", ".join(names[:CLASS_COLUMNS]) + ("" if few else ", ...")
        parts.append(f"Classes {'from left to right' if few else 'in turn'}: {listed}.")
    if truncation is not None:
        parts.append(f"{sampler.space.describe_truncation(truncation)}, as with --truncation {truncation:g}.")
    return " ".join(parts)


def interpolate_at(
    sampler: LatentSampler, start: Choice, end: Choice, position: float, truncation: float | None = None
) -> Image.Image:
    """The image at a position between ``start`` (0) and ``end`` (1); see :meth:`.LatentSampler.interpolate_at`.

    Raises:
        ValueError: if an argument is out of range.
    """
    seeds, labels = seeds_and_labels(sampler, start, end)
    return draw(sampler.interpolate_at(seeds, position, labels, truncation), 1)


def film_strip(sampler: LatentSampler, start: Choice, end: Choice, truncation: float | None = None) -> Image.Image:
    """Evenly spaced images from ``start`` to ``end``, side by side.

    Raises:
        ValueError: if an argument is out of range.
    """
    seeds, labels = seeds_and_labels(sampler, start, end)
    return draw(sampler.interpolate(seeds, labels, STRIP_IMAGES, truncation), STRIP_IMAGES)


def seeds_and_labels(sampler: LatentSampler, start: Choice, end: Choice) -> tuple[list[int], list[int] | None]:
    """Seeds, and for a conditional model labels, of two images.

    Raises:
        ValueError: if a seed is missing or out of range.
    """
    labels = [0 if each.label == ALL_CLASSES else each.label for each in (start, end)] if sampler.num_classes else None
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
    seed: int = 0,
) -> tuple[Image.Image, Image.Image]:
    """Translate an image of any size.

    Args:
        translator: the model.
        source: RGB, or RGBA with the colors on a white background.
        direction: "a_to_b" or "b_to_a"; None for the model's first.
        progress: called with the number of finished steps and their total.
        seed: of a model that gives many answers to one image, the answer is the first of this seed.

    Returns:
        The network's input, in gray if it has one channel; and the translation, with the alpha channel of ``source``.

    Raises:
        ValueError: if the model does not have that direction.
    """
    direction = translator.resolve_direction(direction)
    network = translator.answering(direction, seed)
    shown = source.convert("RGB").convert("L" if network.channels_in == 1 else "RGB")
    result = to_pil(translate_picture(network, pixels_of(shown), translator.sizes[direction], progress=progress))
    if source.mode == "RGBA":
        result.putalpha(source.getchannel("A"))
    return shown, result
