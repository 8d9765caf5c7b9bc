"""Handwritten digits that come with scikit-learn: the data set that needs no download."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from datamodules.in_memory import InMemoryDataModule

MARGIN = 2


class DigitsDataModule(InMemoryDataModule):
    """1,797 real handwritten digits (Alpaydin and Kaynak, 1998), 8 x 8 in 17 grey levels, framed and resized.

    A margin of two pixels leaves them as much room as MNIST's have, so that the shipped classifier reads 95 % of them.

    Every image is used for training, validation and test alike: the set is too small to score a generator against a
    part of it. So its scores tell whether training works, not how well it generalises; use MNIST for that.

    Args:
        size: height and width in pixels.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.
    """

    channels = 1
    num_classes = 10

    def __init__(self, size: int = 28, batch_size: int = 64, eval_batch_size: int = 500, num_workers: int = 0) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size=2, num_workers=num_workers)

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """All images (1797, 1, 12, 12) uint8 and labels (1797,) int64."""
        digits = load_digits()
        images = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8)
        return F.pad(images[:, None], [MARGIN] * 4), torch.from_numpy(digits.target).long()

    def split_label(self, split: str) -> str:
        """All images, whichever split is asked for."""
        return "all"

    def setup(self, stage: str) -> None:
        """Load once; the three splits are the same images."""
        if not self.splits:
            data = self._resized(*self.load(train=True))
            self.splits = dict.fromkeys(("train", "val", "test"), data)
