"""Training batches that a network cannot be trained on, found before the first step.

Layers that normalize over images refuse a batch of one image, and a batch may not be divisible into packs.
"""

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
from lightning_gans.networks.base import Discriminator, Generator


class KnownBatch(NamedTuple):
    """A training batch of a run.

    Attributes:
        images: their number.
        subject: which batch it is, for a message.
        is_rest: whether it is smaller than the others, since it has what they leave over.
    """

    images: int
    subject: str
    is_rest: bool = False


def check_smallest_batch(
    model: AlternatingTraining, inputs: Callable[[nn.Module, int], tuple[Tensor, ...] | None], packing: int = 1
) -> None:
    """Check that each network can be trained on the run's smallest batch, and that batches can be divided into packs.

    Only batches of one image, or one pack, are refused, and only by a network whose forward pass in training mode works
    for two: one that fails for another reason fails in the first step. The passes compute shapes alone, on torch's meta
    device.

    Args:
        model: a model whose trainer has its training loaders.
        inputs: takes a network and a number of images, and returns the arguments of a forward pass on the meta device;
            None for a network of an unknown kind.
        packing: images of a pack.

    Raises:
        InputError: if a network cannot be trained on it, or the number of images of a batch is no multiple of
            ``packing``.
    """
    trainer = model.trainer
    strategy = trainer.strategy
    synchronized = isinstance(strategy, AlternatingDDP) and strategy.sync_batchnorm and trainer.world_size > 1
    batches = [batch for loader in training_loaders(trainer) for batch in _batches(trainer, loader)]
    for batch in batches:
        if batch.images % packing:
            expected = "drop_last=True" if batch.is_rest else f"a multiple of model.packing, {packing}"
            raise InputError(f"{batch.subject}, which packs of {packing} cannot be made of; expected {expected}")
    smallest = min(batches, default=None)
    if smallest is None or smallest.images > packing or synchronized:
        return
    for name, network in {**model.generators, **model.discriminators}.items():
        counts = (packing, 2 * packing)
        one, two = (None if (given := inputs(network, count)) is None else _failure(network, given) for count in counts)
        if one is not None and two is None:
            raise InputError(
                f"{smallest.subject}, on which model.{name} cannot be trained ({short_reason(one)}); expected "
                + ("drop_last=True" if smallest.is_rest else f"at least {2 * packing}")
            )


def _batches(trainer: Trainer, loader: Any) -> list[KnownBatch]:
    """A loader's batches of different sizes in a run, as far as they are known."""
    if isinstance(loader, AttachableLoader):
        size = loader.batch_size_per_process
        return [KnownBatch(size, f"a training batch has {size} image(s) (data.batch_size)")]
    if not isinstance(loader, DataLoader) or loader.batch_size is None:
        return []
    size = loader.batch_size
    # A loader of an iterable data set has a sampler without a length.
    count = len(loader.sampler) if isinstance(loader.sampler, Sized) else 0
    full = KnownBatch(size, f"a training batch has {size} image(s) (the loader's batch_size)")
    if (rest := count % size) and not loader.drop_last and trainer.num_training_batches >= len(loader):
        last = KnownBatch(rest, f"the last batch of {count} images has {rest} image(s)", is_rest=True)
        return [full, last] if count > size else [last]
    return [full]


def latent_inputs(network: nn.Module, count: int, packing: int = 1) -> tuple[Tensor, ...] | None:
    """The arguments of a generator or discriminator for ``count`` images, on torch's meta device."""
    if isinstance(network, Generator):
        return torch.zeros(count, network.latent_dim, device="meta"), _labels(count)
    if isinstance(network, Discriminator):
        packs = count // packing
        return torch.zeros(packs, network.channels, *network.size, device="meta"), _labels(packs)
    return None


def _labels(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.long, device="meta")


def _failure(network: nn.Module, inputs: tuple[Tensor, ...]) -> Exception | None:
    """The error of a forward pass on the meta device; None if there is none."""
    # Each tensor of each module once. With the names of `named_parameters`, functional_call exchanges the tensors of a
    # module that has two names twice, and then puts back what it took the second time, those of the meta device.
    state = {
        f"{prefix}.{name}" if prefix else name: value.detach().to("meta")
        for prefix, module in network.named_modules()
        for named in (module.named_parameters, module.named_buffers)
        for name, value in named(recurse=False, remove_duplicate=False)
    }
    try:
        with torch.no_grad():
            functional_call(network, state, inputs, tie_weights=False)
    except Exception as error:
        return error
    return None
