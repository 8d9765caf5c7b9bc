"""Synthetic facades: translation with ground truth, and no download."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from datamodules.house_fronts import PALETTE, house_front
from datamodules.indexed import SPLITS
from datamodules.two_domains import TwoDomainDataModule, TwoDomains
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import derive_seed


class SyntheticFacadesDataModule(TwoDomainDataModule):
    """Pictures of made-up house fronts (domain a) and maps of their parts (domain b), as in the facades of pix2pix.

    Sky, wall, roof, windows, doors and balconies, each in one colour in the map; in the picture with texture, a light
    that falls off to the right, a brightness that differs from house to house, and noise. Drawn from a seed, the same
    in every run and on every machine. Validation and test show pairs even where training does not, so that what
    CycleGAN makes can be compared with the truth.

    Args:
        size: height and width in pixels.
        paired: whether training shows a house's picture with its map; if not, the pictures are those of other houses.
        train_size: training images of each domain.
        val_size: pairs for validation.
        test_size: pairs for test and prediction.
        seed: which houses.
        batch_size: training images of each domain per step and process.
        eval_batch_size: the same for validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Raises:
        InputError: if a number is out of range.
    """

    channels_a = 3
    channels_b = 3

    def __init__(
        self,
        size: int = 64,
        paired: bool = True,
        train_size: int = 1000,
        val_size: int = 100,
        test_size: int = 200,
        seed: int = 0,
        batch_size: int = 1,
        eval_batch_size: int = 50,
        num_workers: int = 0,
    ) -> None:
        at_least("data.size", size, 16)
        # The light falls from the left: a mirrored house would be lit from the wrong side.
        super().__init__(size, size, False, paired, batch_size, eval_batch_size, num_workers)
        self.lengths = {"train": train_size, "val": val_size, "test": test_size}
        for split, length in self.lengths.items():
            at_least(f"data.{split}_size", length, 2)
        self.seed = seed
        self.palettes = {"b": torch.from_numpy(PALETTE)}

    def setup(self, stage: str) -> None:
        """Draw what ``stage`` needs."""
        for split in SPLITS[stage]:
            if split in self.splits:
                continue
            pictures, maps = self._drawn(split)
            if split == "train" and not self.paired:
                _, maps = self._drawn("other houses")
            self.splits[split] = TwoDomains(pictures, maps, aligned=self.paired or split != "train")

    def _drawn(self, split: str) -> tuple[Tensor, Tensor]:
        """Pictures and their label maps, each (N, 3, size, size) uint8."""
        length = self.lengths.get(split, self.lengths["train"])
        seeds = [derive_seed("house front", self.seed, split, index) for index in range(length)]
        fronts = [house_front(np.random.default_rng(seed), self.size) for seed in seeds]
        pictures, maps = (torch.from_numpy(np.stack(images)) for images in zip(*fronts, strict=True))
        return pictures.permute(0, 3, 1, 2).contiguous(), maps.permute(0, 3, 1, 2).contiguous()

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels: real statistics are cached under it."""
        digest = hashlib.sha256()
        for images in (self.splits[split].a, self.splits[split].b):
            digest.update(images[list(range(len(images)))].numpy().tobytes())
        return digest.hexdigest()[:16]
