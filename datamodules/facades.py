"""Synthetic facades: image translation with ground truth, without a download."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from datamodules.house_fronts import CLASSES, PALETTE, draw_house_front
from datamodules.indexed import SPLITS
from datamodules.two_domains import TwoDomainDataModule, TwoDomains
from lightning_gans.core.errors import at_least
from lightning_gans.core.images import Size, square_side
from lightning_gans.core.randomness import derive_seed


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
