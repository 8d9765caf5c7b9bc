"""Handwritten digits that are part of scikit-learn: a data set without a download."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.core.data import Contents
from lightning_gans.core.images import Size
from lightning_gans.datamodules.in_memory import InMemoryDataModule

MARGIN = 2

DIGITS = tuple("0123456789")
"""Names of the classes of handwritten digits."""


class DigitsDataModule(InMemoryDataModule):
    """1,797 real handwritten digits (Alpaydin and Kaynak, 1998), 8 x 8 with 17 gray levels, padded and resized.

    A margin of two pixels gives the digits the same position as in MNIST, so that the classifier in this package
    classifies 95 % of them correctly.

    All images are used for training, validation and test, because the set is too small to score a generator against a
    part of it. So the scores show whether training works, not how well the generator generalizes; use MNIST for that.

    Args:
        size: (height, width) in pixels, or one number for a square; see :class:`.InMemoryDataModule`.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Raises:
        ValueError: if a number is out of range.
    """

    channels = 1
    num_classes = 10
    contents: Contents = "digits"

    def __init__(self, size: Size = 28, batch_size: int = 64, eval_batch_size: int = 500, num_workers: int = 0) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size=2, num_workers=num_workers)

    def class_names(self) -> tuple[str, ...]:
        """The digits."""
        return DIGITS

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """All images (1797, 1, 12, 12) uint8 and labels (1797,) int64, for either split."""
        digits = load_digits()
        images = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8)
        return F.pad(images[:, None], [MARGIN] * 4), torch.from_numpy(digits.target).long()

    def split_label(self, split: str) -> str:
        """``all`` for every split: the three splits are the same images."""
        return "all"

    def setup(self, stage: str) -> None:
        """Load the images once; the three splits are the same images."""
        if not self.splits:
            data = self._resized(*self.load(train=True))
            self.splits = dict.fromkeys(("train", "val", "test"), data)
