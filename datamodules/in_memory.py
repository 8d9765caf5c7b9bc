"""Data sets that fit in memory: one uint8 tensor, resized once, indexed by batch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from datamodules.indexed import IndexedDataModule
from lightning_gans.core.batches import Labelled
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.pixels import to_float

ON_DEVICE = 2**30
"""Bytes of a split up to which a GPU keeps it whole: few beside what it has."""


class TensorImages(Dataset[Labelled]):
    """Images and labels as two tensors; an index is a list, an item is a batch.

    Args:
        images: (N, C, H, W), uint8.
        labels: (N,), int64.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: list[int]) -> Labelled:
        """The batch (uint8 images, labels) of these indices."""
        # Whole rows are copied, in less than half the time that `images[indices]` takes.
        rows = torch.tensor(indices, dtype=torch.long, device=self.device)
        return Labelled(self.images.index_select(0, rows), self.labels.index_select(0, rows))

    @property
    def device(self) -> torch.device:
        """Where the images are, and each batch."""
        return self.images.device

    def to(self, device: torch.device) -> TensorImages:
        """The same images there."""
        return TensorImages(self.images.to(device), self.labels.to(device))


class InMemoryDataModule(IndexedDataModule[TensorImages], ABC):
    """Labelled images of one size, held as uint8 and converted to float in [-1, 1] on the device.

    On a GPU a split of up to a gibibyte lies there whole, so that indices are all that travels.

    A subclass says where the images come from. Training batches are full and shuffled by (seed, epoch); evaluation sees
    every image once, in order, whatever the number of processes. Images without classes have ``num_classes`` 0, and
    their labels, 0 by custom, mean nothing and are not checked.

    Args:
        size: height and width to which the images are resized once (bicubic, antialiased).
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images at the end of the training split that are kept for validation.
        num_workers: processes that index the tensors; 0 is fastest, since there is nothing to decode.

    Attributes:
        channels: channels of the images.
        num_classes: number of classes, whose labels are 0 to ``num_classes`` - 1; 0 where the images have no classes.

    Raises:
        InputError: if a number is out of range.
    """

    channels: int
    num_classes: int

    def __init__(self, size: int, batch_size: int, eval_batch_size: int, val_size: int, num_workers: int = 0) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers)
        at_least("data.size", size, 1)
        if val_size < 2:
            raise InputError(f"data.val_size is {val_size}; expected at least 2 images to score against")
        self.size = size
        self.val_size = val_size

    @abstractmethod
    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) uint8 at their own size and labels (N,) int64 of the training or the test split."""

    def setup(self, stage: str) -> None:
        """Load, check, resize and split what ``stage`` needs.

        Raises:
            InputError: if a label is none of the classes, or if nothing is left to train on.
        """
        if stage in ("fit", "validate") and "train" not in self.splits:
            data = self._loaded(train=True)
            kept = len(data) - self.val_size
            if kept < 1:
                raise InputError(
                    f"data.val_size is {self.val_size}; expected less than the {len(data)} training images"
                )
            self.splits["train"] = TensorImages(data.images[:kept], data.labels[:kept])
            self.splits["val"] = TensorImages(data.images[kept:], data.labels[kept:])
        if stage in ("test", "predict") and "test" not in self.splits:
            self.splits["test"] = self._loaded(train=False)

    def _loaded(self, *, train: bool) -> TensorImages:
        images, labels = self.load(train=train)
        if self.num_classes:
            check_labels(labels, self.num_classes)
        return self._resized(images, labels)

    def _resized(self, images: Tensor, labels: Tensor) -> TensorImages:
        if images.shape[-2:] != (self.size, self.size):
            size, cubic = [self.size, self.size], InterpolationMode.BICUBIC
            chunks = [TF.resize(chunk, size, cubic, antialias=True) for chunk in torch.split(images, 1000)]
            images = torch.cat(chunks)
        return TensorImages(images.contiguous(), labels)

    def dataset_for(self, split: str) -> TensorImages:
        """The split; a copy on the trainer's GPU, if that is small and no other processes index it."""
        data = self.splits[split]
        device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
        small = data.images.nbytes <= ON_DEVICE
        return data.to(device) if device.type == "cuda" and small and not self.num_workers else data

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels at the size used: real statistics are cached under it."""
        return hashlib.sha256(self.splits[split].images.numpy().tobytes()).hexdigest()[:16]

    def on_after_batch_transfer(self, batch: Labelled, dataloader_idx: int) -> Labelled:
        """Images to float in [-1, 1], on the device: a quarter of the bytes travel."""
        return batch._replace(images=to_float(batch.images))


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse labels that are none of the classes: on a GPU they would end a run with an error that names nothing.

    Args:
        labels: (N,), int64.
        num_classes: number of classes, at least 1.

    Raises:
        InputError: if a label is not in [0, num_classes).
    """
    wrong = ((labels < 0) | (labels >= num_classes)).nonzero()
    if len(wrong):
        index = int(wrong[0])
        raise InputError(
            f"data.num_classes is {num_classes}, but the label of image {index} is {int(labels[index])}; "
            f"expected 0 to {num_classes - 1}"
        )
