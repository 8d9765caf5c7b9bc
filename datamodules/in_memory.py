"""Data sets that fit in memory: one tensor of pixels, resized once, indexed by batch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from lightning_gans.core.batches import Labelled
from lightning_gans.core.data import ImageData
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.images import Size, height_width, to_float, with_bits_of_pixels
from lightning_gans.datamodules.base import IndexedDataModule
from lightning_gans.datamodules.layouts import held_out_size
from lightning_gans.datamodules.samplers import TrainingBatches

MAX_BYTES_ON_GPU = 2**30
"""Largest split that is copied to the GPU as a whole: small compared with a GPU's memory."""

MOST_HELD_OUT = 1000
"""Largest number of images that are held out for validation by default."""


class TensorImages(Dataset[Labelled]):
    """Images and labels in two tensors; an index is a list or a tensor of indices, an item is a batch.

    Args:
        images: (N, C, H, W), uint8 or uint16.
        labels: (N,), int64.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: list[int] | Tensor) -> Labelled:
        """The batch (pixels, labels) with these indices, a list or (n,) int64 on :attr:`device`."""
        rows = indices if isinstance(indices, Tensor) else torch.tensor(indices, dtype=torch.long, device=self.device)
        # index_select copies whole rows and takes less than half the time of `images[indices]`.
        images = with_bits_of_pixels(lambda pixels: pixels.index_select(0, rows), self.images)
        return Labelled(images, self.labels.index_select(0, rows))

    @property
    def device(self) -> torch.device:
        """Device of the images and of every batch."""
        return self.images.device

    def to(self, device: torch.device) -> TensorImages:
        """A copy on another device."""
        return TensorImages(self.images.to(device), self.labels.to(device))

    def center(self, size: tuple[int, int]) -> TensorImages:
        """The crops (height, width) at the center, as a view."""
        top, left = ((self.images.shape[2 + side] - size[side]) // 2 for side in (0, 1))
        return TensorImages(self.images[:, :, top : top + size[0], left : left + size[1]], self.labels)

    def part(self, first: int, stop: int | None) -> TensorImages:
        """The images from ``first`` up to ``stop``, or to the last."""
        return TensorImages(self.images[first:stop], self.labels[first:stop])


class ViewedImages(Dataset[Labelled]):
    """Crops of N images and of their mirror images: the indices are those of :class:`.TrainingBatches`.

    Args:
        data: the images.
        size: (height, width) of the crops; None for the whole images.
    """

    def __init__(self, data: TensorImages, size: tuple[int, int] | None = None) -> None:
        self.data = data
        self.size = size or (data.images.shape[2], data.images.shape[3])

    @property
    def crops(self) -> int:
        """Number of crops of each image; crop c begins in row ``c // columns`` and column ``c % columns``."""
        return (self.data.images.shape[2] - self.size[0] + 1) * self.columns

    @property
    def columns(self) -> int:
        """Number of crops side by side."""
        return self.data.images.shape[3] - self.size[1] + 1

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, indices: list[int] | Tensor) -> Labelled:
        """The batch (pixels, labels) with these indices, a list or (n,) int64 on the device of the images."""
        if not isinstance(indices, Tensor):
            indices = torch.tensor(indices, dtype=torch.long, device=self.data.device)
        batch, view = self.data[indices % len(self)], indices // len(self)
        return batch._replace(images=with_bits_of_pixels(lambda pixels: self._viewed(pixels, view), batch.images))

    def _viewed(self, images: Tensor, view: Tensor) -> Tensor:
        """The crops, and mirror images, of images (n, C, H, W) that numbers (n,) say."""
        if self.crops > 1:
            crop, (height, width) = view // 2, self.size
            rows = (crop // self.columns)[:, None] + torch.arange(height, device=crop.device)
            columns = (crop % self.columns)[:, None] + torch.arange(width, device=crop.device)
            which = torch.arange(len(images), device=crop.device)[:, None, None]
            images = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        mirrored = (view % 2 == 1).view(-1, 1, 1, 1)
        return torch.where(mirrored, images.flip(3), images)


class InMemoryDataModule(IndexedDataModule[TensorImages], ImageData, ABC):
    """Labeled images of one size, held as uint8 or uint16 and converted to float in [-1, 1] on the device.

    On a GPU, a split of up to one gibibyte is copied there as a whole.

    A subclass implements :meth:`load`. Training batches are full and shuffled by (seed, epoch); evaluation uses every
    image once, in order, for any number of processes. For images without classes ``num_classes`` is 0; their labels,
    by convention 0, are not checked.

    Args:
        size: (height, width) of the images, or one number for a square. Images of another size are resized once
            (bicubic, antialiased) until they cover it, and their center is cropped.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images at the end of the training split that are used for validation instead; None for a tenth, but at
            least 10, at most half of the images, and at most 1000.
        num_workers: processes that index the tensors; 0 is fastest, since there is nothing to decode.
        flip: mirror training images left to right with probability ½, drawn from (seed, epoch, image).
        train_size: number of the first training images to use, after those for validation are left out; None for all.

    Attributes:
        channels: channels of the images.
        size: (height, width) of the images.
        num_classes: number of classes, whose labels are 0 to ``num_classes`` - 1; 0 if the images have no classes.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        size: Size,
        batch_size: int,
        eval_batch_size: int,
        val_size: int | None,
        num_workers: int = 0,
        flip: bool = False,
        train_size: int | None = None,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers)
        if val_size is not None:
            at_least("val_size", val_size, 2)
        self.size = height_width(size)
        if train_size is not None:
            at_least("train_size", train_size, 1)
        self.val_size = val_size
        self.flip = flip
        self.train_size = train_size

    @abstractmethod
    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) uint8 or uint16 of any size and labels (N,) int64 of the training or the test split."""

    def setup(self, stage: str) -> None:
        """Load, check, resize and split the images that ``stage`` needs.

        Raises:
            ValueError: if a label is not one of the classes, or no images are left for training.
        """
        if stage in ("fit", "validate") and "train" not in self.splits:
            data = self._loaded(train=True)
            kept = len(data) - held_out_size(self.val_size, len(data), MOST_HELD_OUT)
            self.splits["train"] = self.limited(data.part(0, kept))
            self.splits["val"] = data.part(kept, None)
        if stage in ("test", "predict") and "test" not in self.splits:
            self.splits["test"] = self._loaded(train=False)

    def limited(self, data: TensorImages) -> TensorImages:
        """The first ``train_size`` training images.

        Raises:
            InputError: if there are not as many.
        """
        if self.train_size is not None and self.train_size > len(data):
            raise InputError(f"train_size is {self.train_size}, but there are {len(data)} training images")
        return data.part(0, self.train_size)

    def training_size(self) -> int | None:
        """Number of training images; None if they are not loaded and ``train_size`` does not say it."""
        return len(self.splits["train"]) if "train" in self.splits else self.train_size

    def training_batches(self) -> TrainingBatches:
        """The sampler of training batches, which mirrors images if ``flip`` is on."""
        batches = super().training_batches()
        batches.flips = self.flip
        batches.crops = ViewedImages(self.prepared("train"), self.size).crops
        return batches

    def _loaded(self, *, train: bool) -> TensorImages:
        images, labels = self.load(train=train)
        if self.num_classes:
            check_labels(labels, self.num_classes)
        return self._resized(images, labels)

    def _resized(self, images: Tensor, labels: Tensor) -> TensorImages:
        if images.shape[-2:] != self.size:
            covering, cubic = covering_size(images.shape[-2:], self.size), InterpolationMode.BICUBIC
            chunks = [TF.resize(chunk, covering, cubic, antialias=True) for chunk in torch.split(images, 1000)]
            images = torch.cat([TF.center_crop(chunk, list(self.size)) for chunk in chunks])
        return TensorImages(images.contiguous(), labels)

    def split_tensors(self, split: str) -> Labelled:
        """All images (N, C, H, W), uint8 or uint16, and labels (N,) of a split that :meth:`setup` has prepared."""
        data = self.prepared(split).center(self.size)
        return Labelled(data.images, data.labels)

    def dataset_for(self, split: str) -> TensorImages | ViewedImages:
        """The split; a copy on the trainer's GPU if it is small and no other processes index it."""
        data = self.prepared(split)
        device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
        if device.type == "cuda" and data.images.nbytes <= MAX_BYTES_ON_GPU and not self.num_workers:
            data = data.to(device)
        views = ViewedImages(data, self.size)
        return views if split == "train" and (self.flip or views.crops > 1) else data

    def index_device(self, data: TensorImages | ViewedImages) -> torch.device | None:
        """Device of the images; None, for lists of indices, if other processes index them."""
        return None if self.num_workers else device_of(data)

    def pins_memory(self, data: TensorImages | ViewedImages) -> bool:
        """Whether batches of a data set are in CPU memory and go to a GPU."""
        return super().pins_memory(data) and device_of(data).type != "cuda"

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels, at the size used, and labels: the key of cached statistics of real images."""
        data = self.split_tensors(split)
        digest = hashlib.sha256(data.images.numpy().tobytes())
        digest.update(data.labels.numpy().tobytes())
        return digest.hexdigest()[:16]

    def num_images(self, split: str, domain: str) -> int:
        """Number of images of a split."""
        return len(self.splits[split])

    def on_after_batch_transfer(self, batch: Labelled, dataloader_idx: int) -> Labelled:
        """Convert images to float in [-1, 1], on the device: as pixels they take a quarter or half of the transfer."""
        return batch._replace(images=to_float(batch.images))


def device_of(data: TensorImages | ViewedImages) -> torch.device:
    """Device of the images of a data set."""
    return data.data.device if isinstance(data, ViewedImages) else data.device


def covering_size(given: Sequence[int], wanted: tuple[int, int]) -> list[int]:
    """The least size, (height, width), of the shape of a given one that covers a wanted one."""
    scale = max(inner / outer for inner, outer in zip(wanted, given, strict=True))
    return [max(inner, round(scale * outer)) for inner, outer in zip(wanted, given, strict=True)]


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Check that labels are classes: otherwise a GPU would stop the run with an error that does not name the label.

    Args:
        labels: (N,), int64.
        num_classes: number of classes, at least 1.

    Raises:
        ValueError: if a label is not in [0, num_classes).
    """
    wrong = ((labels < 0) | (labels >= num_classes)).nonzero()
    if len(wrong):
        index = int(wrong[0])
        raise ValueError(
            f"num_classes is {num_classes}, but the label of image {index} is {int(labels[index])}; "
            f"expected 0 to {num_classes - 1}"
        )
