"""Batches in an order that is a function of (seed, epoch), so that a run can stop anywhere and go on exactly."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from lightning_gans.core.errors import InputError
from lightning_gans.core.randomness import derive_generator


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
        order = self.order()
        for step in range(first, len(self)):
            start = (step * self.world_size + self.rank) * self.batch_size
            yield order[start : start + self.batch_size].tolist()

    @property
    def images(self) -> str:
        """How many images there are, in words."""
        return str(self.length)

    def order(self) -> Tensor:
        """This epoch's indices, (length,)."""
        return torch.randperm(self.length, generator=derive_generator("cpu", self.seed, "order", self.epoch))


class UnpairedBatches(TrainingBatches):
    """Pairs of indices into two sets that are drawn independently; the longer set is seen once in an epoch.

    The shorter set begins again, in another order, whenever it is used up.

    Args:
        lengths: number of images of each set.
        batch_size: pairs per batch and rank.
        seed: the run's seed.
        rank: this process.
        world_size: number of processes.

    Raises:
        InputError: if the longer set does not fill one step.
    """

    def __init__(
        self, lengths: tuple[int, int], batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        super().__init__(max(lengths), batch_size, seed, rank, world_size)
        self.lengths = lengths

    @property
    def images(self) -> str:
        """How many images each set has, in words."""
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

    Where the set's batches do not come out even, the last of some ranks is empty: all ranks have the same number, and
    none waits for one that never enters evaluation.
    """

    def __len__(self) -> int:
        return -(-self.length // (self.batch_size * self.world_size))

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(len(self)):
            start = (step * self.world_size + self.rank) * self.batch_size
            yield list(range(start, min(start + self.batch_size, self.length)))


def outlive_signals(_worker: int) -> None:
    """Leave signals to the main process of a run, which ends its loaders' processes once its state is saved.

    Ctrl-C, a scheduler and ``kill`` send theirs to all processes of a job. A second SIGTERM ends this one.
    """
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over :class:`TrainingBatches` whose position Lightning stores in checkpoints.

    Attributes:
        epoch_length: batches after which the epoch ends, where the trainer limits it; else all.
    """

    epoch_length: int | None = None
    yielded = 0

    @property
    def batches(self) -> TrainingBatches:
        """The sampler, which knows order and position."""
        assert isinstance(self.sampler, TrainingBatches)
        return self.sampler

    def state_dict(self) -> dict[str, Any]:
        """Position in the epoch and what fixes the order; position 0 once the epoch is over."""
        over = self.yielded >= (len(self) if self.epoch_length is None else self.epoch_length)
        return {
            "yielded": 0 if over else self.yielded,
            "images_per_step": self.batches.batch_size * self.batches.world_size,
            "images": self.batches.images,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a stored position.

        Raises:
            InputError: if the epoch is under way and its batches have changed.
        """
        here = self.state_dict() | {"yielded": state["yielded"]}
        if state["yielded"] and here != state:
            raise InputError(
                f"the checkpoint was written with {state['images_per_step']} of {state['images']} images per step, and "
                f"data.batch_size with trainer.devices gives {here['images_per_step']} of {here['images']} here; "
                "expected the same, since the epoch goes on where it stopped"
            )
        self.batches.first = self.yielded = state["yielded"]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a plain iterator serves Lightning as well
        self.yielded = self.batches.first
        for batch in super().__iter__():
            self.yielded += 1
            yield batch
