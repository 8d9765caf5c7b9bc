"""Real images without a download, and enough of them that epochs are long."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from datamodules.in_memory import InMemoryDataModule

COUNT = 60_000
"""As many as MNIST has."""


class ManyDigitsDataModule(InMemoryDataModule):
    """Scikit-learn's digits, repeated until there are as many as in MNIST.

    Args:
        size: height and width in pixels.
        batch_size: training images per step.
        channels: how often the grey channel is repeated.
    """

    num_classes = 10

    def __init__(self, size: int = 28, batch_size: int = 64, channels: int = 1) -> None:
        super().__init__(size, batch_size, eval_batch_size=500, val_size=5000)
        self.channels = channels

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (60000, channels, size, size), resized before they are repeated, and labels."""
        digits = load_digits()
        images = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8)[:, None]
        resized = self._resized(images, torch.from_numpy(digits.target).long())
        rows = torch.arange(COUNT) % len(resized)
        return resized.images[rows].repeat(1, self.channels, 1, 1), resized.labels[rows]
