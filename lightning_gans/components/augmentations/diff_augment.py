"""DiffAugment (Zhao et al., 2020): every image that D is given is augmented."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import Augmentation
from lightning_gans.core.randomness import integers_per_image, uniform_per_image


class DiffAugment(Augmentation):
    """Color jitter, translation and cutout (Zhao et al., 2020, section 3.2), drawn independently for each image.

    Args:
        color: whether to change brightness (by -0.5 to 0.5), saturation (times 0 to 2) and contrast (times 0.5 to 1.5).
        translation: largest shift, as a share of the side, in [0, 1]; new pixels are 0, medium gray.
        cutout: side of the square that is set to 0, as a share of the image's side, in [0, 1].

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
        """Augment images (N, C, H, W) in [-1, 1]; the output has the same shape."""
        if self.color:
            images = jitter_color(images)
        if self.translation:
            images = translate(images, self.translation)
        if self.cutout:
            images = cut_out(images, self.cutout)
        return images


def _each(images: Tensor) -> Tensor:
    """Draw a number in [0, 1) for each image, (N, 1, 1, 1)."""
    return uniform_per_image(len(images), images.device).view(-1, 1, 1, 1)


def jitter_color(images: Tensor) -> Tensor:
    """Change brightness, saturation and contrast of each image (N, C, H, W), in this order."""
    images = images + (_each(images) - 0.5)
    gray = images.mean(dim=1, keepdim=True)
    images = gray + (images - gray) * (2 * _each(images))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + _each(images))


def _pixels(side: int, share: float) -> int:
    """A share of a side in pixels, rounded to a whole number, halves up."""
    return int(side * share + 0.5)


def _shift(images: Tensor, low: int, high: int) -> Tensor:
    """Draw an integer in [low, high] for each image, (N, 1)."""
    return integers_per_image(low, high, len(images), images.device)[:, None]


def translate(images: Tensor, share: float) -> Tensor:
    """Shift each image (N, C, H, W) by up to ``share`` of its sides; pixels from outside the image are 0."""
    rows, columns = images.shape[-2:]
    down, right = (_shift(images, -_pixels(side, share), _pixels(side, share)) for side in (rows, columns))
    row = torch.arange(rows, device=images.device) - down
    column = torch.arange(columns, device=images.device) - right
    inside = _within(row, 0, rows)[:, :, None] & _within(column, 0, columns)[:, None, :]
    image = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[image, row.clamp(0, rows - 1)[:, :, None], column.clamp(0, columns - 1)[:, None]]
    return moved.permute(0, 3, 1, 2) * inside[:, None]


def cut_out(images: Tensor, share: float) -> Tensor:
    """Set a rectangle of ``share`` of the sides to 0 in each image (N, C, H, W); it may lie partly outside."""
    rows, columns = images.shape[-2:]
    cut = torch.ones(len(images), 1, 1, dtype=torch.bool, device=images.device)
    for side, shape in ((rows, (-1, rows, 1)), (columns, (-1, 1, columns))):
        length = _pixels(side, share)
        # The range is symmetric about the center; for even lengths it has one position more than the side has pixels.
        first, last = -(length // 2), side - (length + 1) // 2
        place = torch.arange(side, device=images.device) - _shift(images, first, last)
        cut = cut & _within(place, 0, length).view(shape)
    return images * ~cut[:, None]


def _within(values: Tensor, low: int, high: int) -> Tensor:
    """Whether values lie in [low, high)."""
    return (values >= low) & (values < high)
