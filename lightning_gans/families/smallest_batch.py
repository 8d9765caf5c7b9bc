"""A training batch of one image, which layers that normalize over images refuse: found before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.data import DataLoader

from lightning_gans.core.data import AttachableLoader
from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families.alternating import AlternatingTraining
from lightning_gans.families.loaders import training_loaders


class SmallestBatch(NamedTuple):
    """The smallest batch of a training loader.

    Attributes:
        images: their number.
        subject: which batch it is, for a message.
        expected: what to do if it is too small.
    """

    images: int
    subject: str
    expected: str


def check_smallest_batch(
    model: AlternatingTraining, inputs: Callable[[nn.Module, int], tuple[Tensor, ...] | None]
) -> None:
    """Check that each network can be trained on the run's smallest batch.

    Only batches of one image are refused, and only by a network whose forward pass in training mode works for two: one
    that fails for another reason fails in the first step. The passes compute shapes alone, on torch's meta device.

    Args:
        model: a model whose trainer has its training loaders.
        inputs: takes a network and a number of images, and returns the arguments of a forward pass on the meta device;
            None for a network of an unknown kind.

    Raises:
        InputError: if a network cannot.
    """
    trainer = model.trainer
    strategy = trainer.strategy
    synchronized = isinstance(strategy, AlternatingDDP) and strategy.sync_batchnorm and trainer.world_size > 1
    batches = [_smallest_batch(trainer, loader) for loader in training_loaders(trainer)]
    smallest = min((batch for batch in batches if batch is not None), default=None)
    if smallest is None or smallest.images > 1 or synchronized:
        return
    for name, network in {**model.generators, **model.discriminators}.items():
        one, two = (None if (given := inputs(network, count)) is None else _failure(network, given) for count in (1, 2))
        if one is not None and two is None:
            raise InputError(
                f"{smallest.subject}, on which model.{name} cannot be trained ({short_reason(one)}); expected "
                f"{smallest.expected}"
            )


def _smallest_batch(trainer: Trainer, loader: Any) -> SmallestBatch | None:
    """The smallest batch of a loader in a run; None if it is not known."""
    if isinstance(loader, AttachableLoader):
        size = loader.batch_size_per_process
        return SmallestBatch(size, f"a training batch has {size} image(s) (data.batch_size)", "at least 2")
    if not isinstance(loader, DataLoader) or loader.batch_size is None:
        return None
    size = loader.batch_size
    # A loader of an iterable data set has a sampler without a length.
    count = len(loader.sampler) if isinstance(loader.sampler, Sized) else 0
    if (rest := count % size) and not loader.drop_last and trainer.num_training_batches >= len(loader):
        return SmallestBatch(rest, f"the last batch of {count} images has {rest} image(s)", "drop_last=True")
    return SmallestBatch(size, f"a training batch has {size} image(s) (the loader's batch_size)", "at least 2")


def _failure(network: nn.Module, inputs: tuple[Tensor, ...]) -> Exception | None:
    """The error of a forward pass on the meta device; None if there is none."""
    state = {name: value.detach().to("meta") for name, value in (*network.named_parameters(), *network.named_buffers())}
    try:
        with torch.no_grad():
            functional_call(network, state, inputs)
    except Exception as error:
        return error
    return None
