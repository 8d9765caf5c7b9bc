"""The images that the page shows, generated and translated; knows nothing of Gradio."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_grids import grid, to_pil
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import ImageTranslator, LatentSampler
from lightning_gans.inference.tiled.translate import translate_picture

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
