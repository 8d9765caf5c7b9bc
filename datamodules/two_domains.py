"""Images of two domains, paired or not, and the random crops and flips of pix2pix and CycleGAN."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_gans.core.batches import Pair
from lightning_gans.core.data import PairData, Palette
from lightning_gans.core.images import Size, height_width, plain_size, to_float, with_bits_of_pixels
from lightning_gans.core.randomness import derive_generator, rank, run_seed, world_size
from lightning_gans.datamodules.base import IndexedDataModule, ResumableLoader
from lightning_gans.datamodules.samplers import TrainingBatches, UnpairedBatches


class Images(Protocol):
    """Images of one domain: a tensor (N, C, H, W), or files that are decoded on access."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: list[int], /) -> Tensor:
        """Images (n, C, H, W), uint8 or uint16."""
        ...


class TwoDomains(Dataset[Pair]):
    """Images of two domains; an index is a list, an item is a batch.

    Args:
        a: images of domain a.
        b: images of domain b.
        aligned: whether the k-th image of a and the k-th image of b show the same thing.
    """

    def __init__(self, a: Images, b: Images, aligned: bool) -> None:
        self.a, self.b, self.aligned = a, b, aligned

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, indices: list[int] | list[list[int]]) -> Pair:
        """The batch with these indices: for each position one index for both domains, or [index of a, index of b].

        An index beyond the last image of a domain adds no image of that domain.
        """
        places = [(index, index) if isinstance(index, int) else index for index in indices]
        a = self.a[[first for first, _ in places if first < len(self.a)]]
        b = self.b[[second for _, second in places if second < len(self.b)]]
        return Pair(a, b, self.aligned)


class TwoDomainDataModule(IndexedDataModule[TwoDomains], PairData, ABC):
    """Images of two domains a and b, uint8 or uint16 in the loader and float in [-1, 1] on the device.

    Training images are cropped at random and flipped (Isola et al., 2017, appendix 6.2). The random numbers are a
    function of (seed, rank, step), one set for each image; the two images of a pair share theirs.

    Args:
        size: (height, width) of the images, or one number for a square.
        load_size: (height, width) from which training images are cropped at random, or one number for a square; with
            the value of ``size`` nothing is cropped.
        flip: mirror training images left to right with probability ½.
        paired: whether training images come in pairs; if not, the images of both domains are drawn independently.
        batch_size: training images of each domain per step and process.
        eval_batch_size: images of each domain per step and process in validation, test and prediction.
        num_workers: processes that index the data.

    Attributes:
        channels_a: channels of the images of domain a.
        channels_b: channels of the images of domain b.
        size: (height, width) of the images.
        paired: whether training images come in pairs.
        palettes: by domain, the classes of images that are label maps.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        size: Size,
        load_size: Size,
        flip: bool,
        paired: bool,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers)
        self.size, self.load_size = height_width(size), height_width(load_size, "load_size")
        if any(loaded < used for loaded, used in zip(self.load_size, self.size, strict=True)):
            raise ValueError(f"load_size is {plain_size(load_size)}; expected at least size, {plain_size(size)}")
        self.flip = flip
        self.paired = paired
        self.palettes: Mapping[str, Palette] = {}

    def training_batches(self) -> TrainingBatches:
        """The sampler of training batches, which draws the domains independently if they are not paired."""
        if self.paired:
            return super().training_batches()
        data = self.prepared("train")
        size = self.training_batch_size(len(data))
        return UnpairedBatches((len(data.a), len(data.b)), size, run_seed(self.trainer))

    def train_dataloader(self) -> ResumableLoader:
        """Full batches, shuffled by (seed, epoch)."""
        loader = super().train_dataloader()
        loader.augment = self.augment
        return loader

    def num_images(self, split: str, domain: str) -> int:
        """Number of images of domain ``a`` or ``b`` of a split."""
        data = self.splits[split]
        return len(data.a if domain == "a" else data.b)

    def aligned(self, split: str) -> bool:
        """Whether the k-th images of both domains of a split show the same thing."""
        return self.prepared(split).aligned

    def on_after_batch_transfer(self, batch: Pair, dataloader_idx: int) -> Pair:
        """Crop and flip training images, and convert all images to float in [-1, 1], on the device."""
        if self.trainer is not None and self.trainer.training:
            batch = self.augment(batch, self.trainer.global_step, run_seed(self.trainer))
        return Pair(to_float(batch.a), to_float(batch.b), batch.aligned)

    def augment(self, batch: Pair, step: int, seed: int) -> Pair:
        """Crop and flip the images of training batch number ``step`` (from 0) of a run with this seed."""
        a = self._jittered(batch.a, seed, "pair" if self.paired else "a", step)
        b = self._jittered(batch.b, seed, "pair" if self.paired else "b", step)
        return Pair(a, b, batch.aligned)

    def _jittered(self, images: Tensor, seed: int, stream: str, step: int) -> Tensor:
        """Images (N, C, H, W) of ``size``, each cropped and flipped by random numbers of its own."""
        height, width = self.size
        room = torch.tensor([self.load_size[0] - height, self.load_size[1] - width])
        if not room.any() and not self.flip:
            return images
        count, first = len(images), rank() * len(images)
        generator = derive_generator("cpu", seed, "jitter", stream, step)
        # Drawn for all ranks, so that N ranks use the same crops as one process with an N times larger batch.
        draws = torch.rand(world_size() * count, 3, generator=generator)[first : first + count]
        tops, lefts = ((draws[:, :2] * (room + 1)).long().T).tolist()
        flips = (self.flip & (draws[:, 2] < 0.5)).tolist()

        def cropped(pixels: Tensor) -> Tensor:
            crops = []
            for image, top, left, flip in zip(pixels, tops, lefts, flips, strict=True):
                crop = image[:, top : top + height, left : left + width]
                crops.append(crop.flip(-1) if flip else crop)
            return torch.stack(crops)

        return with_bits_of_pixels(cropped, images)
