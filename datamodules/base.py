"""The base of all data modules here: data sets that are indexed by batch, and their loaders.

The loaders' order is a function of (seed, epoch), so that a run can stop after any batch and resume exactly.
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler, SequentialSampler

from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.randomness import derive_generator, run_seed

Indices = list[Any] | Tensor
"""The indices of a batch: a list of numbers, or of pairs of numbers, or a tensor, (n,) or (n, 2) int64."""


class _Batches(DistributedSampler[Indices], SequentialSampler):  # type: ignore[misc]  # of batches and of numbers
    """Batches of indices for one rank.

    A DistributedSampler, because Lightning does not replace one, and for ``overfit_batches`` a SequentialSampler, for
    the same reason: a sampler in its place would give single indices.

    Attributes:
        device: device of the indices, which are slices of one tensor for the whole epoch, so that no batch copies
            indices to a GPU; None for lists, which are cheaper to send to other processes.
    """

    device: torch.device | None = None

    def __init__(self, length: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.length, self.batch_size, self.rank, self.world_size = length, batch_size, rank, world_size
        self.epoch = 0

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
        rank: this process.
        world_size: number of processes.

    Attributes:
        fixed: whether all epochs have the order of the first, as for the trainer's ``overfit_batches``.

    Raises:
        ValueError: if there are fewer images than one step takes.
    """

    fixed = False

    def __init__(self, length: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        super().__init__(length, batch_size, rank, world_size)
        self.seed = seed
        self.first = 0
        if length < batch_size * world_size:
            raise ValueError(
                f"batch_size is {batch_size} on {world_size} process(es), but there are {length} training images; "
                "expected at least one full batch for each process"
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that the order depends on."""
        super().set_epoch(0 if self.fixed else epoch)

    def __len__(self) -> int:
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
        return torch.randperm(self.length, generator=derive_generator("cpu", self.seed, "order", self.epoch))


class UnpairedBatches(TrainingBatches):
    """Pairs of indices into two sets that are drawn independently; an epoch uses each image of the larger set once.

    The smaller set is shuffled again whenever all of its images have been used.

    Args:
        lengths: number of images of each set.
        batch_size: pairs per batch and rank.
        seed: the run's seed.
        rank: this process.
        world_size: number of processes.

    Raises:
        ValueError: if the larger set has fewer images than one step takes.
    """

    def __init__(
        self, lengths: tuple[int, int], batch_size: int, seed: int, rank: int = 0, world_size: int = 1
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


def ignore_signals(_worker: int) -> None:
    """Ignore signals in a worker: the main process handles them, and ends its workers when its state is saved.

    Ctrl-C, a scheduler and ``kill`` send signals to all processes of a job. A second SIGTERM ends the worker.
    """
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over :class:`TrainingBatches` whose position Lightning stores in checkpoints.

    Attributes:
        epoch_length: number of batches after which the trainer ends the epoch; None for all.
    """

    epoch_length: int | None = None
    yielded = 0

    @property
    def batches(self) -> TrainingBatches:
        """The sampler, which holds the order and the position."""
        assert isinstance(self.sampler, TrainingBatches)
        return self.sampler

    def state_dict(self) -> dict[str, Any]:
        """The position in the epoch and the numbers that the order depends on; position 0 after the last batch."""
        over = self.yielded >= (len(self) if self.epoch_length is None else self.epoch_length)
        return {
            "yielded": 0 if over else self.yielded,
            "images_per_step": self.batches.batch_size * self.batches.world_size,
            "images": self.batches.images,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at a stored position.

        Raises:
            InputError: if the position is within an epoch whose batches were different.
        """
        here = self.state_dict() | {"yielded": state["yielded"]}
        if state["yielded"] and here != state:
            raise InputError(
                f"the checkpoint was written with {state['images_per_step']} of {state['images']} images per step, but "
                f"data.batch_size times the number of devices is {here['images_per_step']} of {here['images']} here; "
                "expected the same, since training continues within an epoch"
            )
        self.batches.first = self.yielded = state["yielded"]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a plain iterator is enough for Lightning
        self.yielded = self.batches.first
        for batch in super().__iter__():
            self.yielded += 1
            yield batch


class Indexed(Protocol):
    """A data set whose index is a list or a tensor of indices and whose item is a batch."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any, /) -> Any: ...


SPLITS = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("test",)}
"""The splits that each stage needs."""

DataT = TypeVar("DataT", bound=Indexed)


class IndexedDataModule(L.LightningDataModule, ABC, Generic[DataT]):
    """Training batches are full and shuffled by (seed, epoch); evaluation uses every item once, in order.

    Both hold for any number of processes. A subclass fills ``splits`` in ``setup``.

    Args:
        batch_size: training items per step and process.
        eval_batch_size: items per step and process in validation, test and prediction.
        num_workers: processes that index the data.

    Attributes:
        splits: the data of ``train``, ``val`` and ``test``, as far as ``setup`` has prepared them.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(self, batch_size: int, eval_batch_size: int, num_workers: int = 0) -> None:
        super().__init__()
        at_least("batch_size", batch_size, 1)
        at_least("eval_batch_size", eval_batch_size, 1)
        at_least("num_workers", num_workers, 0)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.splits: dict[str, DataT] = {}

    @abstractmethod
    def setup(self, stage: str) -> None:
        """Fill ``splits`` with the data that ``stage`` needs."""

    @property
    def _rank(self) -> dict[str, int]:
        trainer = self.trainer
        return {} if trainer is None else {"rank": trainer.global_rank, "world_size": trainer.world_size}

    def dataset_for(self, split: str) -> Any:
        """The data set that the split's loader indexes: the split, or a copy of it on another device."""
        return self.splits[split]

    def index_device(self, data: Any) -> torch.device | None:
        """Device of the indices that a data set is given; None for lists, which every data set takes."""
        return None

    def pins_memory(self, data: Any) -> bool:
        """Whether batches of a data set are copied to page-locked memory for their transfer to a GPU."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def _loader_options(self, data: Any) -> dict[str, Any]:
        return {
            "batch_size": None,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": self.pins_memory(data),
            # The loader draws a base seed; from the global generator that would change the training's random numbers.
            "generator": torch.Generator(),
            "worker_init_fn": ignore_signals,
        }

    def training_batches(self) -> TrainingBatches:
        """The sampler of training batches."""
        return TrainingBatches(len(self.splits["train"]), self.batch_size, run_seed(self.trainer), **self._rank)

    def train_dataloader(self) -> ResumableLoader:
        """Full batches, shuffled by (seed, epoch).

        Raises:
            ValueError: if there are fewer images than one step takes.
        """
        batches = self.training_batches()
        data = self.dataset_for("train")
        batches.device = self.index_device(data)
        loader = ResumableLoader(data, sampler=batches, **self._loader_options(data))
        if self.trainer is not None:
            overfit: float = self.trainer.overfit_batches  # type: ignore[attr-defined]  # set outside __init__
            batches.fixed = overfit > 0
            limit = self.trainer.limit_train_batches
            loader.epoch_length = min(limit, len(batches)) if isinstance(limit, int) else int(limit * len(batches))
        return loader

    def _evaluation_loader(self, split: str) -> DataLoader[Any]:
        data = self.dataset_for(split)
        batches = EvaluationBatches(len(data), self.eval_batch_size, **self._rank)
        batches.device = self.index_device(data)
        return DataLoader(data, sampler=batches, **self._loader_options(data))

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation split, in order."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """The test split, in order."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test split, in order: it determines how many images are generated, and from which inputs."""
        return self._evaluation_loader("test")
