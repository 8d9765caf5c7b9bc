"""CIFAR-10."""

from __future__ import annotations

from pathlib import Path

from torchvision.datasets import CIFAR10

from datamodules.torchvision_sets import TorchvisionDataModule


class CIFAR10DataModule(TorchvisionDataModule):
    """CIFAR-10 (Krizhevsky, 2009): 32 x 32 colour photographs of ten classes.

    The last 5,000 of 50,000 training images are for validation; the 10,000 test images are seen by ``test`` and
    ``predict`` only.
    """

    dataset = CIFAR10
    folder = "cifar-10-batches-py"
    channels = 3
    num_classes = 10

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = True,
        size: int = 32,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int = 5000,
        num_workers: int = 0,
    ) -> None:
        super().__init__(root, download, size, batch_size, eval_batch_size, val_size, num_workers)
