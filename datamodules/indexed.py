"""The base of all data modules here: data sets that are indexed by batch, and their loaders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

import lightning as L
import torch
from torch.utils.data import DataLoader

from datamodules.loaders import EvaluationBatches, ResumableLoader, TrainingBatches, ignore_signals
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import run_seed


class Indexed(Protocol):
    """A data set whose index is a list and whose item is a batch."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: list[int], /) -> Any: ...


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

    def pins_memory(self, data: Any) -> bool:
        """Whether batches of a data set are copied to page-locked memory for their transfer to a GPU."""
        return torch.cuda.is_available()

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
        loader = ResumableLoader(data, sampler=batches, **self._loader_options(data))
        if self.trainer is not None:
            limit = self.trainer.limit_train_batches
            loader.epoch_length = min(limit, len(batches)) if isinstance(limit, int) else int(limit * len(batches))
        return loader

    def _evaluation_loader(self, split: str) -> DataLoader[Any]:
        data = self.dataset_for(split)
        batches = EvaluationBatches(len(data), self.eval_batch_size, **self._rank)
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
