"""Batches in an order that is a function of (seed, epoch), so that a run can stop anywhere and go on exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, DistributedSampler

from lightning_gans.errors import InputError
from lightning_gans.randomness import counter_generator


class _Batches(DistributedSampler[list[int]]):
    """Lists of indices for one rank. A DistributedSampler, so that Lightning leaves it in place."""

    def __init__(self, length: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.length, self.batch_size, self.rank, self.world_size = length, batch_size, rank, world_size
        self.epoch = 0


class TrainingBatches(_Batches):
    """Full batches in an order that depends on (seed, epoch) only, from any batch on.

    The ``world_size`` ranks share each step's ``world_size * batch_size`` indices: N ranks together see what one
    process with the N-fold batch would see.

    Args:
        length: number of images.
        batch_size: images per batch and rank; what does not fill a step on all ranks is left out of the epoch.
        seed: the run's seed.
        rank: this process.
        world_size: number of processes.

    Raises:
        InputError: if the images do not fill one step.
    """

    def __init__(self, length: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        super().__init__(length, batch_size, rank, world_size)
        self.seed = seed
        self.first = 0
        if length < batch_size * world_size:
            raise InputError(
                f"data.batch_size is {batch_size} on {world_size} process(es), but there are {length} training images; "
                "expected at least one full batch for each process"
            )

    def __len__(self) -> int:
        return self.length // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[list[int]]:
        first, self.first = self.first, 0
        order = torch.randperm(self.length, generator=counter_generator("cpu", self.seed, "order", self.epoch))
        for step in range(first, len(self)):
            start = (step * self.world_size + self.rank) * self.batch_size
            yield order[start : start + self.batch_size].tolist()


class EvaluationBatches(_Batches):
    """Every index exactly once over all ranks, in order; batch k of rank r is batch k * world_size + r of the set."""

    def __len__(self) -> int:
        batches = -(-self.length // self.batch_size)
        return len(range(self.rank, batches, self.world_size))

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(self.rank * self.batch_size, self.length, self.batch_size * self.world_size):
            yield list(range(start, min(start + self.batch_size, self.length)))


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over :class:`TrainingBatches` whose position Lightning stores in checkpoints."""

    yielded = 0

    @property
    def batches(self) -> TrainingBatches:
        """The sampler, which knows order and position."""
        assert isinstance(self.sampler, TrainingBatches)
        return self.sampler

    def state_dict(self) -> dict[str, int]:
        """Position in the epoch and what fixes the order."""
        return {"yielded": self.yielded, "images_per_step": self._images_per_step, "length": self.batches.length}

    @property
    def _images_per_step(self) -> int:
        return self.batches.batch_size * self.batches.world_size

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a stored position.

        Raises:
            InputError: if the epoch is under way and its batches have changed.
        """
        within_epoch = (
            state["yielded"] % len(self) if self.state_dict() | {"yielded": 0} == state | {"yielded": 0} else None
        )
        if within_epoch is None:
            raise InputError(
                f"the checkpoint was written with {state['images_per_step']} of {state['length']} images per step, and "
                f"data.batch_size with trainer.devices gives {self._images_per_step} of {self.batches.length} here; "
                "expected the same, since the epoch goes on where it stopped"
            )
        self.batches.first = self.yielded = within_epoch

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self.yielded = self.batches.first
        for batch in super().__iter__():
            self.yielded += 1
            yield batch
