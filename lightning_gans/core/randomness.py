"""Random numbers as a function of a counter, not of what was drawn before.

All random numbers in training come from generators that are seeded with (run seed, purpose, step or epoch, ...). So a
resumed run draws the same numbers as an uninterrupted one, on every rank, and no random state has to be stored.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from lightning.pytorch import Trainer  # not at run time: commands that use a trained model start without Lightning


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that is a function of ``parts``, the same on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derive_generator(device: torch.device | str, *parts: int | str) -> torch.Generator:
    """A generator on ``device``, seeded by :func:`derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(*parts))


def seed_step(device: torch.device, seed: int, purpose: str, rank: int, step: int) -> None:
    """Seed the random numbers of one step.

    Seeds the default generators of the CPU and of ``device``, which dropout and ``torch.randn`` use, differently on
    every rank; and the generators of :func:`uniform_per_image` and its like equally on all ranks.

    Faster than ``torch.manual_seed``, which seeds all backends.
    """
    own, first = derive_seed(seed, purpose, rank, step), derive_seed(seed, purpose, 0, step)
    torch.default_generator.manual_seed(own)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(own)
    elif device.type != "cpu":
        torch.get_device_module(device).manual_seed(own)
    for place in {torch.device("cpu"), device} if world_size() > 1 else ():
        _shared.setdefault(place, torch.Generator(place)).manual_seed(first)


_shared: dict[torch.device, torch.Generator] = {}
"""By device, the generators that draw the same numbers on all ranks; used with several processes only."""


def rank() -> int:
    """The rank of this process; 0 if training is not distributed."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def shared_generator(device: torch.device) -> torch.Generator | None:
    """The generator that draws the same numbers on all ranks within a step; None, the default one, with one process.

    So N ranks draw the same numbers as one process, unless the model has dropout: in one process, that uses the default
    generator too.
    """
    return _shared.get(device) if world_size() > 1 else None


def uniform_per_image(count: int, device: torch.device, *shape: int) -> Tensor:
    """Random numbers in [0, 1) of a shape for each of this rank's ``count`` images: (count, *shape).

    They are drawn for the images of all ranks, so that N ranks use the same numbers as one process with an N times
    larger batch.
    """
    return _own(torch.rand(count * world_size(), *shape, device=device, generator=shared_generator(device)))


def normal_per_image(count: int, device: torch.device, *shape: int) -> Tensor:
    """Standard normal random numbers for each of this rank's images; see :func:`uniform_per_image`."""
    return _own(torch.randn(count * world_size(), *shape, device=device, generator=shared_generator(device)))


def integers_per_image(low: int, high: int, count: int, device: torch.device) -> Tensor:
    """A random integer in [low, high] for each of this rank's images: (count,); see :func:`uniform_per_image`."""
    shape = (count * world_size(),)
    return _own(torch.randint(low, high + 1, shape, device=device, generator=shared_generator(device)))


def _own(drawn: Tensor) -> Tensor:
    """This rank's part of numbers that were drawn for all ranks."""
    count = len(drawn) // world_size()
    return drawn[rank() * count : (rank() + 1) * count]


MAX_SEED = 2**32
"""Seeds are less than this, since ``seed_everything`` takes no larger one."""

_drawn: WeakKeyDictionary[Trainer, int] = WeakKeyDictionary()
"""Seeds of trainers without ``seed_everything``. Drawn once, because training changes the global generator."""


def run_seed(trainer: Trainer | None) -> int:
    """The seed of this run: that of ``seed_everything``, or else one drawn by PyTorch, the same on all ranks.

    Without ``seed_everything`` the first call for a trainer is a broadcast, so that all ranks must make it.
    """
    if (given := os.environ.get("PL_GLOBAL_SEED")) is not None:
        return int(given)
    if trainer is None:
        return torch.initial_seed() % MAX_SEED
    if trainer not in _drawn:
        _drawn[trainer] = trainer.strategy.broadcast(torch.initial_seed() % MAX_SEED)
    return _drawn[trainer]


def adopt_seed(trainer: Trainer, seed: int) -> None:
    """Continue with the seed of a checkpoint, unless ``seed_everything`` has given one."""
    if "PL_GLOBAL_SEED" not in os.environ:
        _drawn[trainer] = seed
