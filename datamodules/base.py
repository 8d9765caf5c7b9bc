"""The base of all data modules here: data sets that are indexed by batch, and their loaders."""

from __future__ import annotations

import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch.utils.data import DataLoader

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.data import data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.randomness import run_seed, world_size
from lightning_gans.datamodules.samplers import EvaluationBatches, TrainingBatches


def start_worker(_worker: int) -> None:
    """Ignore signals in a worker: the main process handles them, and ends its workers when its state is saved.

    Ctrl-C, a scheduler and ``kill`` send signals to all processes of a job. A second SIGTERM ends the worker. A worker
    whose main process is gone when it starts ends: torch ends only those whose parent changes later.
    """
    main = multiprocessing.parent_process()
    if main is not None and multiprocessing.get_start_method() == "fork" and os.getppid() != main.pid:
        os._exit(1)
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


class ImageLoader(DataLoader[Any]):
    """A DataLoader that raises an :class:`.InputError` of its workers with the sentence alone, without a traceback."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a plain iterator is enough for Lightning
        try:
            yield from super().__iter__()
        except InputError as error:
            _, traceback, sentence = str(error).rpartition(f"{InputError.__name__}: ")
            if not traceback:
                raise
            raise InputError(sentence.strip()) from error


class ResumableLoader(ImageLoader):
    """A DataLoader over :class:`TrainingBatches` whose position Lightning stores in checkpoints.

    Attributes:
        epoch_length: number of batches after which the trainer ends the epoch; None for all.
        augment: function of a batch, the step and the run's seed, for a trainer that has no data module, which would
            augment batches after their transfer; None if there is no augmentation.
    """

    epoch_length: int | None = None
    augment: Callable[[Any, int, int], Any] | None = None
    yielded = 0
    _trainer: L.Trainer | None = None

    @property
    def batches(self) -> TrainingBatches:
        """The sampler, which holds the order and the position."""
        assert isinstance(self.sampler, TrainingBatches)
        return self.sampler

    @property
    def batch_size_per_process(self) -> int:
        """Images in every batch."""
        return self.batches.batch_size

    def attach(self, trainer: L.Trainer) -> None:
        """Use the seed of a run, and end and repeat epochs as its trainer does."""
        self._trainer = trainer
        self.batches.seed = run_seed(trainer)
        overfit: float = trainer.overfit_batches  # type: ignore[attr-defined]  # set outside __init__
        self.batches.fixed = overfit > 0
        limit = trainer.limit_train_batches
        length = len(self.batches)
        self.epoch_length = min(limit, length) if isinstance(limit, int) else int(limit * length)

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

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # see above
        self.yielded = self.batches.first
        trainer = self._trainer
        augment = None if trainer is None or data_module(trainer) is not None else self.augment
        first = 0 if trainer is None else trainer.global_step
        for step, batch in enumerate(super().__iter__(), first):
            self.yielded += 1
            yield batch if augment is None else augment(batch, step, self.batches.seed)


class Indexed(Protocol):
    """A data set whose index is a list or a tensor of indices and whose item is a batch."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any, /) -> Any: ...


SPLITS = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("test",)}
"""The splits that each stage needs."""

DataT = TypeVar("DataT", bound=Indexed)


class IndexedDataModule(StoresArguments, L.LightningDataModule, ABC, Generic[DataT]):
    """Training batches are full and shuffled by (seed, epoch); evaluation uses every item once, in order.

    Both hold for any number of processes. A subclass fills ``splits`` in ``setup``.

    Args:
        batch_size: training items per step and process; fewer, with a warning, if there are not as many.
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

    def prepared(self, split: str) -> DataT:
        """The data of a split.

        Raises:
            ValueError: if ``setup`` has not prepared it.
        """
        if split not in self.splits:
            stages = " or ".join(f"setup({stage!r})" for stage, splits in SPLITS.items() if split in splits)
            raise ValueError(
                f"{type(self).__name__} has not prepared the split {split!r}; call prepare_data() and {stages} before "
                "its loaders, or give it to the trainer"
            )
        return self.splits[split]

    def dataset_for(self, split: str) -> Any:
        """The data set that the split's loader indexes: the split, or a copy of it on another device."""
        return self.prepared(split)

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
            "worker_init_fn": start_worker,
        }

    def training_batches(self) -> TrainingBatches:
        """The sampler of training batches."""
        length = len(self.prepared("train"))
        return TrainingBatches(length, self.training_batch_size(length), run_seed(self.trainer))

    def training_batch_size(self, length: int) -> int:
        """``batch_size``; where there are fewer training images, with a warning, all that each process can have.

        Args:
            length: number of training images.
        """
        share = length // world_size()
        if share >= self.batch_size or not share:  # with no image for each process the sampler raises an error
            return self.batch_size
        rank_zero_warn(
            f"data.batch_size is {self.batch_size} on {world_size()} process(es), but there are {length} training "
            f"images; batches of {share} are used"
        )
        return share

    def train_dataloader(self) -> ResumableLoader:
        """Full batches, shuffled by (seed, epoch).

        If there are fewer images than one step takes, batches are as large as the images allow, and a warning says so.

        Raises:
            ValueError: if there are fewer images than processes.
        """
        batches = self.training_batches()
        data = self.dataset_for("train")
        batches.device = self.index_device(data)
        loader = ResumableLoader(data, sampler=batches, **self._loader_options(data))
        if self.trainer is not None:
            loader.attach(self.trainer)
        return loader

    def _evaluation_loader(self, split: str) -> DataLoader[Any]:
        data = self.dataset_for(split)
        batches = EvaluationBatches(len(data), self.eval_batch_size)
        batches.device = self.index_device(data)
        return ImageLoader(data, sampler=batches, **self._loader_options(data))

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation split, in order."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """The test split, in order."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test split, in order: it determines how many images are generated, and from which inputs."""
        return self._evaluation_loader("test")
