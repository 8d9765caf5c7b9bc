"""Differentiable augmentations of what D sees, passed to any latent variant by class path.

For instance ``--model.augmentation DiffAugment --model.augmentation.color false``. Real and generated images go through
the same distribution in D's step and in G's, so that G never learns the augmentation itself, and D never sees an image
twice: it cannot learn a small data set by heart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from lightning_gans.core.randomness import integers_per_image, uniform_per_image


class Augmentation(ABC):
    """A random, differentiable map of images, drawn anew for each image at each call."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Augmented images (N, C, H, W) from images (N, C, H, W) in [-1, 1]; colours may leave that range."""


class DiffAugment(Augmentation):
    """Colour, translation and cutout (Zhao et al., 2020, section 3.2), each with a strength of its own for each image.

    Args:
        color: change brightness (by up to .5 of 2), saturation (0 to 2 times) and contrast (.5 to 1.5 times).
        translation: largest shift, as a share of the side; what moves in is 0, mid grey.
        cutout: side of a square that is set to 0, as a share of the image's side.

    Raises:
        ValueError: if a share is outside [0, 1].
    """

    def __init__(self, color: bool = True, translation: float = 0.125, cutout: float = 0.5) -> None:
        for key, share in (("translation", translation), ("cutout", cutout)):
            if not 0 <= share <= 1:
                raise ValueError(f"{key} is {share}; expected a share in [0, 1]")
        self.color = color
        self.translation = translation
        self.cutout = cutout

    def __call__(self, images: Tensor) -> Tensor:
        """Augmented images (N, C, H, W)."""
        if self.color:
            images = jitter_color(images)
        if self.translation:
            images = translate(images, self.translation)
        if self.cutout:
            images = cut_out(images, self.cutout)
        return images


def _each(images: Tensor) -> Tensor:
    """One number in [0, 1) for each image (N, 1, 1, 1)."""
    return uniform_per_image(len(images), images.device).view(-1, 1, 1, 1)


def jitter_color(images: Tensor) -> Tensor:
    """Change brightness, saturation and contrast of each image, in this order."""
    images = images + (_each(images) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (2 * _each(images))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + _each(images))


def _pixels(side: int, share: float) -> int:
    """A share of a side in whole pixels, halves rounded up."""
    return int(side * share + 0.5)


def _shift(images: Tensor, low: int, high: int) -> Tensor:
    """One whole number in [low, high] for each image (N, 1)."""
    return integers_per_image(low, high, len(images), images.device)[:, None]


def translate(images: Tensor, share: float) -> Tensor:
    """Move each image by up to ``share`` of its sides; the border that appears is 0."""
    rows, columns = images.shape[-2:]
    down, right = (_shift(images, -_pixels(side, share), _pixels(side, share)) for side in (rows, columns))
    row = torch.arange(rows, device=images.device) - down
    column = torch.arange(columns, device=images.device) - right
    inside = _within(row, 0, rows)[:, :, None] & _within(column, 0, columns)[:, None, :]
    image = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[image, row.clamp(0, rows - 1)[:, :, None], column.clamp(0, columns - 1)[:, None]]
    return moved.permute(0, 3, 1, 2) * inside[:, None]


def cut_out(images: Tensor, share: float) -> Tensor:
    """A square of ``share`` of the sides set to 0 in each image; its centre is anywhere, so parts may lie outside."""
    rows, columns = images.shape[-2:]
    cut = torch.ones(len(images), 1, 1, dtype=torch.bool, device=images.device)
    for side, shape in ((rows, (-1, rows, 1)), (columns, (-1, 1, columns))):
        length = _pixels(side, share)
        # As many places before the image's middle as after it: an even length has one more than there are pixels.
        first, last = -(length // 2), side - (length + 1) // 2
        place = torch.arange(side, device=images.device) - _shift(images, first, last)
        cut = cut & _within(place, 0, length).view(shape)
    return images * ~cut[:, None]


def _within(values: Tensor, low: int, high: int) -> Tensor:
    """Whether values lie in [low, high)."""
    return (values >= low) & (values < high)
