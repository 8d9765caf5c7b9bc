"""Synthetic facades: image translation with ground truth, drawn from a seed, without a download."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_gans.core.errors import at_least
from lightning_gans.core.images import Size, square_side
from lightning_gans.core.randomness import derive_seed
from lightning_gans.datamodules.base import SPLITS
from lightning_gans.datamodules.two_domains import TwoDomainDataModule, TwoDomains

Floats = NDArray[np.floating[Any]]

CLASSES = ("sky", "wall", "roof", "window", "door", "balcony")
SKY, WALL, ROOF, WINDOW, DOOR, BALCONY = range(len(CLASSES))

PALETTE = np.array(
    [[170, 0, 255], [0, 0, 255], [255, 0, 0], [0, 170, 255], [255, 170, 0], [0, 255, 85]], dtype=np.uint8
)
"""The color of each class in a label map, (6, 3)."""

NOISE = 0.008
"""Standard deviation of the noise in an image with values in [0, 1]: two of 255 levels."""


@dataclass(frozen=True)
class Part:
    """A rectangle of one class, or a trapezoid.

    Attributes:
        kind: index of the class.
        left: left end, as a fraction of the image's width.
        top: upper end, as a fraction of the image's height.
        right: right end.
        bottom: lower end.
        lean: how far the upper corners are moved inward, as a fraction of the image's width.
    """

    kind: int
    left: float
    top: float
    right: float
    bottom: float
    lean: float = 0.0


@dataclass(frozen=True)
class House:
    """A house.

    Attributes:
        parts: its parts; later ones cover earlier ones.
        daylight: factor of the image's brightness, which the label map does not show.
    """

    parts: list[Part] = field(default_factory=list)
    daylight: float = 1.0


def plan_house(rng: np.random.Generator) -> House:
    """Draw a house at random: wall, roof, floors with windows, some floors with balconies, and a door."""
    left, right = rng.uniform(0.03, 0.14), rng.uniform(0.86, 0.97)
    top = rng.uniform(0.16, 0.3)
    roof = rng.uniform(0.07, 0.13)
    parts = [
        Part(ROOF, left - 0.02, top - roof, right + 0.02, top, lean=rng.uniform(0.0, 0.12)),
        Part(WALL, left, top, right, 1.0),
    ]
    floors, columns = int(rng.integers(2, 5)), int(rng.integers(3, 6))
    wide, high = rng.uniform(0.42, 0.62), rng.uniform(0.5, 0.66)
    door = int(rng.integers(columns))
    height, width = (1.0 - top) / floors, (right - left) / columns
    half = wide * width / 2
    for floor in range(floors):
        ground = floor == floors - 1
        balconies = not ground and rng.random() < 0.5
        bottom = top + (floor + 1) * height
        sill = bottom - 0.18 * height
        for column in range(columns):
            middle = left + (column + 0.5) * width
            if ground and column == door:
                parts.append(Part(DOOR, middle - half, bottom - 0.75 * height, middle + half, 1.0))
                continue
            parts.append(Part(WINDOW, middle - half, sill - high * height, middle + half, sill))
            if balconies:
                reach = 1.35 * half
                rail = Part(BALCONY, middle - reach, sill - 0.22 * height, middle + reach, sill + 0.06 * height)
                parts.append(rail)
    return House(parts, daylight=1.0 + rng.uniform(-0.04, 0.04))


def draw_classes(house: House, size: int) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """The class of each pixel (size, size), and its horizontal and vertical position in its part, from 0 to 1."""
    ticks = (np.arange(size, dtype=np.float32) + 0.5) / size
    across, down = np.meshgrid(ticks, ticks)
    classes = np.full((size, size), SKY, dtype=np.uint8)
    for part in house.parts:
        # Computes only the pixels around the part: most parts are small.
        rows = slice(max(0, int(part.top * size) - 1), int(part.bottom * size) + 2)
        columns = slice(max(0, int(part.left * size) - 1), int(part.right * size) + 2)
        x, y = np.meshgrid(ticks[columns], ticks[rows])
        u, v = (x - part.left) / (part.right - part.left), (y - part.top) / (part.bottom - part.top)
        inset = part.lean / (part.right - part.left) * (1 - v)
        inside = (u >= inset) & (u < 1 - inset) & (v >= 0) & (v < 1)
        classes[rows, columns][inside] = part.kind
        across[rows, columns][inside] = u[inside]
        down[rows, columns][inside] = v[inside]
    return classes, across, down


def rgb(red: int, green: int, blue: int) -> Floats:
    """A color with values in [0, 1] from levels of 0 to 255."""
    return np.array([red, green, blue], dtype=np.float32) / 255


def paint(classes: NDArray[np.uint8], across: Floats, down: Floats) -> Floats:
    """The image in even light, (size, size, 3) in [0, 1]: each class has its color and texture."""
    ticks = (np.arange(len(classes), dtype=np.float32) + 0.5) / len(classes)
    x, y = (grid[..., None] for grid in np.meshgrid(ticks, ticks))
    u, v = across[..., None], down[..., None]
    courses = np.floor(16 * y)
    bricks = 0.5 + 0.5 * np.cos(2 * np.pi * 16 * y) * np.sign(np.cos(2 * np.pi * 8 * x + np.pi * courses))
    shine = np.clip(1 - 2 * np.abs(u - v), 0, 1)
    panes = rgb(52, 66, 84) + 0.35 * shine
    framed = (u < 0.14) | (u > 0.86) | (v < 0.1) | (v > 0.9)
    paints = {
        SKY: rgb(120, 165, 220) + rgb(90, 60, 25) * y,
        WALL: rgb(196, 156, 118) - 0.08 * bricks,
        ROOF: rgb(128, 62, 50) + 0.06 * np.cos(2 * np.pi * 20 * y),
        WINDOW: np.where(framed, rgb(226, 220, 206), panes),
        DOOR: rgb(92, 58, 36) + 0.07 * (np.cos(6 * np.pi * u) > 0),
        BALCONY: rgb(66, 68, 72) + 0.25 * (np.cos(2 * np.pi * 24 * x) > 0),
    }
    image = np.zeros((*classes.shape, 3), dtype=np.float32)
    for kind, paint in paints.items():
        inside = classes == kind
        image[inside] = np.broadcast_to(paint, image.shape)[inside]
    return image


def draw_house_front(rng: np.random.Generator, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one house front.

    Args:
        rng: source of the random numbers; in the same state it gives the same house at every size.
        size: height and width in pixels.

    Returns:
        The image (size, size, 3) and its label map (size, size, 3) in the colors of ``PALETTE``.
    """
    house = plan_house(rng)
    classes, across, down = draw_classes(house, size)
    light = house.daylight * np.linspace(1.08, 0.88, size, dtype=np.float32)[:, None]
    image = paint(classes, across, down) * light + rng.normal(0, NOISE, (size, size, 3))
    return np.clip(np.rint(255 * image), 0, 255).astype(np.uint8), PALETTE[classes]


class SyntheticFacadesDataModule(TwoDomainDataModule):
    """Synthetic images of house fronts (domain a) and label maps of their parts (domain b), as in pix2pix's facades.

    In a label map sky, wall, roof, windows, doors and balconies have one color each; in an image they have textures,
    light that decreases to the right, a brightness that differs between houses, and noise. They are drawn from a seed,
    and are the same in every run and on every machine. Validation and test deliver pairs even if training does not, so
    that CycleGAN's images can be compared with the true ones.

    Args:
        size: (height, width) in pixels, or one number for a square; only squares are supported.
        paired: whether a training batch holds the image and the label map of the same houses; if not, the label maps
            are those of other houses.
        train_size: training images of each domain.
        val_size: pairs for validation.
        test_size: pairs for test and prediction.
        seed: seed of the houses.
        batch_size: training images of each domain per step and process.
        eval_batch_size: images of each domain per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Raises:
        ValueError: if a number is out of range.
    """

    channels_a = 3
    channels_b = 3

    def __init__(
        self,
        size: Size = 64,
        paired: bool = True,
        train_size: int = 1000,
        val_size: int = 100,
        test_size: int = 200,
        seed: int = 0,
        batch_size: int = 1,
        eval_batch_size: int = 50,
        num_workers: int = 0,
    ) -> None:
        at_least("size", square_side(size), 16)
        # No flips: the light comes from the left, and would come from the right in a mirrored image.
        super().__init__(size, size, False, paired, batch_size, eval_batch_size, num_workers)
        self.lengths = {"train": train_size, "val": val_size, "test": test_size}
        for split, length in self.lengths.items():
            at_least(f"{split}_size", length, 2)
        self.seed = seed
        self.palettes = {"b": dict(zip(CLASSES, map(tuple, PALETTE.tolist()), strict=True))}

    def display_name(self) -> str:
        """``synthetic facades``."""
        return "synthetic facades"

    def domain_names(self) -> dict[str, str]:
        """House fronts are called photos, as in pix2pix's facades."""
        return {"a": "photo", "b": "labels"}

    def setup(self, stage: str) -> None:
        """Draw the images that ``stage`` needs."""
        for split in SPLITS[stage]:
            if split in self.splits:
                continue
            images, maps = self._draw(split)
            if split == "train" and not self.paired:
                _, maps = self._draw("other houses")
            self.splits[split] = TwoDomains(images, maps, aligned=self.paired or split != "train")

    def _draw(self, split: str) -> tuple[Tensor, Tensor]:
        """Images and their label maps, each (N, 3, H, W) uint8."""
        length = self.lengths.get(split, self.lengths["train"])
        seeds = [derive_seed("house front", self.seed, split, index) for index in range(length)]
        side = square_side(self.size)
        fronts = [draw_house_front(np.random.default_rng(seed), side) for seed in seeds]
        images, maps = (torch.from_numpy(np.stack(arrays)) for arrays in zip(*fronts, strict=True))
        return images.permute(0, 3, 1, 2).contiguous(), maps.permute(0, 3, 1, 2).contiguous()

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels, under which statistics of real images are cached."""
        digest = hashlib.sha256()
        for images in (self.splits[split].a, self.splits[split].b):
            digest.update(images[list(range(len(images)))].numpy().tobytes())
        return digest.hexdigest()[:16]
