"""Images of two domains, paired or not, and the jitter that pix2pix and CycleGAN are trained with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.indexed import IndexedDataModule
from datamodules.loaders import TrainingBatches, UnpairedBatches
from lightning_gans.core.batches import Pair
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.pixels import to_float
from lightning_gans.core.randomness import derive_generator, run_seed


class Images(Protocol):
    """Images of one domain: a tensor (N, C, S, S), or files that are decoded when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: list[int], /) -> Tensor:
        """Images (n, C, S, S), uint8."""
        ...


class TwoDomains(Dataset[Pair]):
    """Images of two domains; an index is a list, an item is a batch.

    Args:
        a: images of the one domain.
        b: images of the other.
        aligned: whether the k-th image of each shows the same thing.
    """

    def __init__(self, a: Images, b: Images, aligned: bool) -> None:
        self.a, self.b, self.aligned = a, b, aligned

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, indices: list[int] | list[list[int]]) -> Pair:
        """The batch of these indices: one for both domains, or [one of a, one of b] for each place in the batch.

        An index beyond a domain's end gives no image of it.
        """
        places = [(index, index) if isinstance(index, int) else index for index in indices]
        a = self.a[[first for first, _ in places if first < len(self.a)]]
        b = self.b[[second for _, second in places if second < len(self.b)]]
        return Pair(a, b, self.aligned)


class TwoDomainDataModule(IndexedDataModule[TwoDomains], ABC):
    """Images of two domains a and b, uint8 on their way to the device and float in [-1, 1] there.

    Where the papers enlarge an image, crop it at random and flip it (Isola et al., 2017, appendix 6.2), the draws are a
    function of (seed, rank, step), one for each image; both halves of a pair share theirs.

    Args:
        size: height and width of the images.
        load_size: height and width from which training images are cropped at random; ``size`` does not crop.
        flip: mirror training images left to right with probability ½.
        paired: whether training images come in pairs; if not, they are drawn independently.
        batch_size: training images of each domain per step and process.
        eval_batch_size: the same for validation, test and prediction.
        num_workers: processes that index the data.

    Attributes:
        channels_a: channels of the images of domain a.
        channels_b: channels of the images of domain b.
        palettes: for each domain whose images are label maps, the classes' colours (K, C), uint8.

    Raises:
        InputError: if a number is out of range.
    """

    channels_a: int
    channels_b: int

    def __init__(
        self,
        size: int,
        load_size: int,
        flip: bool,
        paired: bool,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers)
        at_least("data.size", size, 1)
        if load_size < size:
            raise InputError(f"data.load_size is {load_size}; expected at least data.size, {size}")
        self.size = size
        self.load_size = load_size
        self.flip = flip
        self.paired = paired
        self.palettes: dict[str, Tensor] = {}

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """A hash of all that the images of a split depend on: real statistics are cached under it."""

    def training_batches(self) -> TrainingBatches:
        """The order of an epoch, of each domain its own where they are not paired."""
        if self.paired:
            return super().training_batches()
        lengths = len(self.splits["train"].a), len(self.splits["train"].b)
        return UnpairedBatches(lengths, self.batch_size, run_seed(self.trainer), **self._rank)

    def on_after_batch_transfer(self, batch: Pair, dataloader_idx: int) -> Pair:
        """Crop and flip training images, and convert all to float in [-1, 1], on the device."""
        a, b = batch.a, batch.b
        if self.trainer is not None and self.trainer.training:
            a = self._jittered(a, "pair" if self.paired else "a")
            b = self._jittered(b, "pair" if self.paired else "b")
        return Pair(to_float(a), to_float(b), batch.aligned)

    def _jittered(self, images: Tensor, stream: str) -> Tensor:
        """Images (N, C, size, size), each cropped and flipped by draws of its own."""
        room = self.load_size - self.size
        if not room and not self.flip:
            return images
        assert self.trainer is not None
        count, rank = len(images), self.trainer.global_rank
        generator = derive_generator("cpu", run_seed(self.trainer), "jitter", stream, self.trainer.global_step)
        # Drawn for all ranks, so that N of them see what one process with the N-fold batch would see.
        draws = torch.rand(self.trainer.world_size * count, 3, generator=generator)[rank * count : (rank + 1) * count]
        tops, lefts = ((draws[:, :2] * (room + 1)).long().T).tolist()
        flips = (self.flip & (draws[:, 2] < 0.5)).tolist()
        crops = []
        for image, top, left, flip in zip(images, tops, lefts, flips, strict=True):
            crop = image[:, top : top + self.size, left : left + self.size]
            crops.append(crop.flip(-1) if flip else crop)
        return torch.stack(crops)
