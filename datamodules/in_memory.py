"""Data sets that fit in memory: one uint8 tensor, resized once, indexed by batch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from datamodules.batches import Labelled
from datamodules.loaders import EvaluationBatches, ResumableLoader, TrainingBatches
from lightning_gans.errors import InputError, at_least
from lightning_gans.pixels import to_float
from lightning_gans.randomness import run_seed


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
        return Labelled(self.images[indices], self.labels[indices])


class InMemoryDataModule(L.LightningDataModule, ABC):
    """Labelled images of one size, held as uint8 and converted to float in [-1, 1] on the device.

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
        super().__init__()
        for key, value in (("size", size), ("batch_size", batch_size), ("eval_batch_size", eval_batch_size)):
            at_least(f"data.{key}", value, 1)
        if val_size < 2:
            raise InputError(f"data.val_size is {val_size}; expected at least 2 images to score against")
        self.size = size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.val_size = val_size
        self.num_workers = num_workers
        self.splits: dict[str, TensorImages] = {}

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

    def split_label(self, split: str) -> str:
        """What a score's stamp calls the split."""
        return split

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels at the size used: real statistics are cached under it."""
        return hashlib.sha256(self.splits[split].images.numpy().tobytes()).hexdigest()[:16]

    @property
    def _rank(self) -> dict[str, int]:
        trainer = self.trainer
        return {} if trainer is None else {"rank": trainer.global_rank, "world_size": trainer.world_size}

    def _loader_options(self) -> dict[str, Any]:
        # The loader's own random generator: drawing a base seed from the global one would disturb the training's.
        return {
            "batch_size": None,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
            "generator": torch.Generator(),
        }

    def train_dataloader(self) -> ResumableLoader:
        """Full batches, shuffled by (seed, epoch)."""
        data = self.splits["train"]
        batches = TrainingBatches(len(data), self.batch_size, run_seed(self.trainer), **self._rank)
        loader = ResumableLoader(data, sampler=batches, **self._loader_options())
        if self.trainer is not None:
            limit = self.trainer.limit_train_batches
            loader.epoch_length = min(limit, len(batches)) if isinstance(limit, int) else int(limit * len(batches))
        return loader

    def _evaluation_loader(self, split: str) -> torch.utils.data.DataLoader[Any]:
        data = self.splits[split]
        batches = EvaluationBatches(len(data), self.eval_batch_size, **self._rank)
        return torch.utils.data.DataLoader(data, sampler=batches, **self._loader_options())

    def val_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """The validation split, in order."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """The test split, in order."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """The test split, in order: how many images to generate, and of which classes."""
        return self._evaluation_loader("test")

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
