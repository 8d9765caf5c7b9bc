"""Stacked MNIST: images of three digits, with a thousand modes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import at_least
from lightning_gans.core.images import Size
from lightning_gans.core.randomness import derive_generator
from lightning_gans.datamodules.in_memory import InMemoryDataModule
from lightning_gans.datamodules.torchvision_sets import MNISTDataModule


class StackedMNISTDataModule(InMemoryDataModule):
    """Stacked MNIST (Metz et al., 2017; Srivastava et al., 2017): three digits as the channels of one image.

    Its 1,000 modes are the numbers 0 to 999: channel 0 holds the hundreds, 1 the tens, 2 the ones. So a classifier of
    digits can count the modes that a generator covers. The digits are drawn uniformly and independently: training
    triples from MNIST's first 55,000 training images, validation triples from the other 5,000, test triples from the
    test images. The triples do not depend on the run's seed.

    Args:
        root: folder that holds MNIST in torchvision's layout, or into which to download it.
        download: download the files that are missing.
        size: (height, width) in pixels, or one number for a square; see :class:`.InMemoryDataModule`.
        train_size: number of training triples; each takes 3 bytes per pixel of memory.
        val_size: number of validation triples.
        test_size: number of test triples, and of images that ``test`` generates; by default 26 for each mode, so that a
            generator that covers a mode is very likely to produce it.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Raises:
        ValueError: if a number is out of range.
    """

    channels = 3
    num_classes = 1000
    contents: Contents = "stacked digits"

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = True,
        size: Size = 28,
        train_size: int = 55_000,
        val_size: int = 5000,
        test_size: int = 26_000,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        num_workers: int = 0,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size, num_workers)
        at_least("train_size", train_size, 1)
        at_least("test_size", test_size, 2)
        self.num_triples = train_size
        self.held_out = val_size
        self.test_size = test_size
        self.digits = MNISTDataModule(root, download)

    def display_name(self) -> str:
        """``Stacked MNIST``."""
        return "Stacked MNIST"

    def prepare_data(self) -> None:
        """Download the files of MNIST that are missing, once per machine.

        Raises:
            InputError: if files are missing and are not or cannot be downloaded, or cannot be read.
        """
        self.digits.prepare_data()

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Triples (N, 3, 28, 28) uint8 and their numbers (N,) int64; validation triples follow training triples."""
        if not train:
            images, labels = self.digits.load(train=False)
            return stack_digits(images, labels, draw_triples("test", self.test_size, 0, len(labels)))
        images, labels = self.digits.load(train=True)
        kept = len(labels) * 11 // 12  # 55,000 of MNIST's 60,000
        held_out = draw_triples("val", self.held_out, kept, len(labels))
        train_triples = draw_triples("train", self.num_triples, 0, kept)
        return stack_digits(images, labels, torch.cat([train_triples, held_out]))


def draw_triples(split: str, count: int, first: int, end: int) -> Tensor:
    """Draw triples of indices (count, 3) int64 in [first, end), the same in every run."""
    return torch.randint(first, end, (count, 3), generator=derive_generator("cpu", "stacked MNIST", split))


def stack_digits(images: Tensor, labels: Tensor, triples: Tensor) -> tuple[Tensor, Tensor]:
    """Stack the images of each triple as channels, and combine its three labels into one number.

    Args:
        images: (M, 1, H, W), uint8.
        labels: (M,), int64 in [0, 9].
        triples: (N, 3), int64 in [0, M).

    Returns:
        Images (N, 3, H, W) uint8 and labels (N,) int64 in [0, 999].
    """
    hundreds, tens, ones = labels[triples].unbind(dim=1)
    return images[:, 0][triples], 100 * hundreds + 10 * tens + ones
