"""What the page's sliders ask of a model from noise: pictures, without anything of the page."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.interpolation import interpolation_for
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_grids import grid, to_pil
from lightning_gans.core.pixels import to_uint8
from lightning_gans.inference import LatentSampler

MOST = 64
"""Pictures at once."""

STATIONS = 9
"""Pictures of a film strip."""


class Place(NamedTuple):
    """One picture of a model.

    Attributes:
        seed: whose picture 0 it is; None where a field is empty.
        label: its class; of no concern to a model that knows none.
    """

    seed: float | None
    label: int = 0


def pictures(
    sampler: LatentSampler, place: Place, count: int = 1, truncation: float = 0.0, all_classes: bool = False
) -> Image.Image:
    """The first pictures of a seed in a grid that is about as wide as high; a single one is just its pixels.

    Args:
        sampler: makes them.
        place: the seed, and the class of all.
        count: how many.
        truncation: see :meth:`.LatentSampler.sample`; 0 for none.
        all_classes: whether the classes are gone through in turn instead.

    Raises:
        InputError: if a number is out of range.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"{count} pictures are asked for; expected 1 to {MOST}")
    labels = place.label if sampler.num_classes and not all_classes else None
    return drawn(sampler.sample(count, labels, whole(place.seed), truncation or None), math.ceil(math.sqrt(count)))


def on_the_way(
    sampler: LatentSampler, start: Place, end: Place, position: float, truncation: float = 0.0
) -> Image.Image:
    """The picture at a position from 0, ``start``, to 1, ``end``, on the way that :meth:`.interpolate` goes.

    Raises:
        InputError: if a number is out of range.
    """
    if not 0 <= position <= 1:
        raise InputError(f"the position is {position}; expected 0 to 1")
    ends = torch.cat([sampler.latents([0], whole(place.seed), truncation or None) for place in (start, end)])
    point = interpolation_for(sampler.noise)(ends[:1], ends[1:], torch.tensor([position], dtype=torch.float64))[0]
    classes = sampler.label_inputs(2, [start.label, end.label]) if sampler.num_classes else None
    if classes is not None:
        shares = F.one_hot(classes, sampler.num_classes).float()
        classes = torch.lerp(shares[:1], shares[1:], position)
    return drawn(sampler.generate(point, classes), 1)


def film_strip(sampler: LatentSampler, start: Place, end: Place, truncation: float = 0.0) -> Image.Image:
    """The whole way from ``start`` to ``end``, evenly spaced, side by side.

    Raises:
        InputError: if a number is out of range.
    """
    labels = [start.label, end.label] if sampler.num_classes else None
    seeds = [whole(start.seed), whole(end.seed)]
    return drawn(sampler.interpolate(seeds, labels, STATIONS, truncation or None), STATIONS)


def whole(seed: float | None) -> int:
    """A seed from a field that may be empty.

    Raises:
        InputError: if it is none.
    """
    if seed is None or seed != int(seed) or seed < 0:
        raise InputError(f"the seed is {'empty' if seed is None else seed}; expected a whole number, 0 or more")
    return int(seed)


def drawn(images: Tensor, columns: int) -> Image.Image:
    """Images in [-1, 1] as one picture."""
    pixels = to_uint8(images)
    return to_pil(pixels[0]) if len(pixels) == 1 else grid(pixels, columns)
