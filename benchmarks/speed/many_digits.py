"""Real images without a download, enough for long epochs."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from lightning_gans.datamodules.in_memory import InMemoryDataModule

COUNT = 60_000
"""Number of images, as in MNIST."""


class ManyDigitsDataModule(InMemoryDataModule):
    """scikit-learn's digits, repeated until there are as many as in MNIST.

    Args:
        size: height and width in pixels.
        batch_size: training images per step.
        channels: number of channels; each is a copy of the gray channel.
    """

    num_classes = 10

    def __init__(self, size: int = 28, batch_size: int = 64, channels: int = 1) -> None:
        super().__init__(size, batch_size, eval_batch_size=500, val_size=5000)
        self.channels = channels

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Return images (60000, channels, size, size), uint8, and labels (60000,)."""
        digits = load_digits()
        images = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8)[:, None]
        resized = self._resized(images, torch.from_numpy(digits.target).long())
        rows = torch.arange(COUNT) % len(resized)
        return resized.images[rows].repeat(1, self.channels, 1, 1), resized.labels[rows]
