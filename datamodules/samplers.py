"""Samplers of whole batches, whose order is a function of (seed, epoch), for any number of processes.

A run can stop after any batch and resume exactly.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DistributedSampler, SequentialSampler

from lightning_gans.core.randomness import derive_generator, rank, world_size

Indices = list[Any] | Tensor
"""The indices of a batch: a list of numbers, or of pairs of numbers, or a tensor, (n,) or (n, 2) int64."""


class _Batches(DistributedSampler[Indices], SequentialSampler):  # type: ignore[misc]  # of batches and of numbers
    """Batches of indices for one rank.

    A DistributedSampler, because Lightning does not replace one, and for ``overfit_batches`` a SequentialSampler, for
    the same reason: a sampler in its place would give single indices.

    By default ``rank`` and ``world_size`` are read in iteration: a loader may be made before the processes are joined.

    Attributes:
        device: device of the indices, which are slices of one tensor for the whole epoch, so that no batch copies
            indices to a GPU; None for lists, which are cheaper to send to other processes.
    """

    device: torch.device | None = None

    def __init__(self, length: int, batch_size: int, rank: int | None = None, world_size: int | None = None) -> None:
        self.length, self.batch_size = length, batch_size
        self._rank, self._world_size = rank, world_size
        self.epoch = 0

    @property
    def rank(self) -> int:  # type: ignore[override]  # an attribute in the base class
        """This process."""
        return rank() if self._rank is None else self._rank

    @property
    def world_size(self) -> int:
        """The number of processes."""
        return world_size() if self._world_size is None else self._world_size

    @abstractmethod
    def order(self) -> Tensor:
        """This epoch's indices, (length,) or (length, 2)."""

    def _batches(self, first: int) -> Iterator[Indices]:
        """The batches of this rank, from number ``first`` on."""
        order = self.order() if self.device is None else self.order().to(self.device)
        for step in range(first, len(self)):
            start = (step * self.world_size + self.rank) * self.batch_size
            indices = order[start : start + self.batch_size]
            yield indices.tolist() if self.device is None else indices


class TrainingBatches(_Batches):
    """Full batches in an order that depends on (seed, epoch) only, starting at any batch.

    The ``world_size`` ranks share each step's ``world_size * batch_size`` indices: together, N ranks use the same
    images as one process with an N times larger batch.

    Args:
        length: number of images.
        batch_size: images per batch and rank; images that do not fill a step on all ranks are left out of the epoch.
        seed: the run's seed.
        rank: this process; None for its rank in the run.
        world_size: number of processes; None for those of the run.

    Attributes:
        fixed: whether all epochs have the order of the first, as for the trainer's ``overfit_batches``.
        flips: whether each image is mirrored in half of the epochs, drawn from (seed, epoch, image).
        crops: number of crops of each image, of which one is drawn from (seed, epoch, image). The index of crop c of
            image k is ``k + length * 2 * c``, that of its mirror image ``k + length * (2 * c + 1)``.

    Raises:
        ValueError: if there are fewer images than one step takes.
    """

    fixed = False
    flips = False
    crops = 1

    def __init__(
        self, length: int, batch_size: int, seed: int, rank: int | None = None, world_size: int | None = None
    ) -> None:
        super().__init__(length, batch_size, rank, world_size)
        self.seed = seed
        self.first = 0
        _ = len(self)  # which may raise

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that the order depends on."""
        super().set_epoch(0 if self.fixed else epoch)

    def __len__(self) -> int:
        if self.length < self.batch_size * self.world_size:
            raise ValueError(
                f"batch_size is {self.batch_size} on {self.world_size} process(es), but there are {self.length} "
                "training images; expected at least one full batch for each process"
            )
        return self.length // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[Indices]:  # type: ignore[override]  # as the bases differ
        first, self.first = self.first, 0  # when the first batch is asked for: a loader may make an iterator in vain
        yield from self._batches(first)

    @property
    def images(self) -> str:
        """The number of images, as text for messages and checkpoints."""
        return str(self.length)

    def order(self) -> Tensor:
        """This epoch's indices, (length,)."""
        order = torch.randperm(self.length, generator=derive_generator("cpu", self.seed, "order", self.epoch))
        view = torch.zeros(self.length, dtype=torch.long)
        if self.flips:
            view += torch.rand(self.length, generator=derive_generator("cpu", self.seed, "flip", self.epoch)) < 0.5
        if self.crops > 1:
            generator = derive_generator("cpu", self.seed, "crop", self.epoch)
            view += 2 * torch.randint(self.crops, (self.length,), generator=generator)
        return order + self.length * view[order]


class UnpairedBatches(TrainingBatches):
    """Pairs of indices into two sets that are drawn independently; an epoch uses each image of the larger set once.

    The smaller set is shuffled again whenever all of its images have been used.

    Args:
        lengths: number of images of each set.
        batch_size: pairs per batch and rank.
        seed: the run's seed.
        rank: this process; None for its rank in the run.
        world_size: number of processes; None for those of the run.

    Raises:
        ValueError: if the larger set has fewer images than one step takes.
    """

    def __init__(
        self,
        lengths: tuple[int, int],
        batch_size: int,
        seed: int,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        super().__init__(max(lengths), batch_size, seed, rank, world_size)
        self.lengths = lengths

    @property
    def images(self) -> str:
        """The number of images of each set, as text for messages and checkpoints."""
        return " and ".join(map(str, self.lengths))

    def order(self) -> Tensor:
        """This epoch's indices, (length, 2)."""
        return torch.stack([self._column(column, length) for column, length in enumerate(self.lengths)], dim=1)

    def _column(self, column: int, length: int) -> Tensor:
        generator = derive_generator("cpu", self.seed, "order", self.epoch, column)
        rounds = -(-self.length // length)
        return torch.cat([torch.randperm(length, generator=generator) for _ in range(rounds)])[: self.length]


class EvaluationBatches(_Batches):
    """Every index exactly once over all ranks, in order; batch k of rank r is batch k * world_size + r of the set.

    All ranks get the same number of batches, so that none waits for another in a collective operation: if the set's
    batches cannot be shared equally, the last batch of some ranks is empty.
    """

    def __len__(self) -> int:
        return -(-self.length // (self.batch_size * self.world_size))

    def __iter__(self) -> Iterator[Indices]:  # type: ignore[override]  # as the bases differ
        yield from self._batches(0)

    def order(self) -> Tensor:
        """All indices in order, (length,)."""
        return torch.arange(self.length)
