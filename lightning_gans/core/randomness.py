"""Randomness as a function of a counter, never of history.

Every draw in training comes from a generator seeded with (run seed, purpose, step or epoch, ...). So a resumed run
draws what the uninterrupted one would have drawn, on every rank, and no random state needs to be stored.
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
    from lightning.pytorch import Trainer  # not at run time: what only draws pictures starts without Lightning


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and on nothing else, the same on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derive_generator(device: torch.device | str, *parts: int | str) -> torch.Generator:
    """A generator on ``device``, seeded by :func:`derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(*parts))


def seed_step(device: torch.device, seed: int, purpose: str, rank: int, step: int) -> None:
    """Seed what draws in one step: the default generators of the CPU and of ``device``, each rank's differently.

    Dropout and a bare ``torch.randn`` draw from those. What is drawn for each image, by :func:`uniform_per_image`
    and its like, is seeded as on rank 0 everywhere.

    Cheaper than ``torch.manual_seed``, which visits every backend there is.
    """
    own, first = derive_seed(seed, purpose, rank, step), derive_seed(seed, purpose, 0, step)
    torch.default_generator.manual_seed(own)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(own)
    for place in {torch.device("cpu"), device} if world_size() > 1 else ():
        _shared.setdefault(place, torch.Generator(place)).manual_seed(first)


_shared: dict[torch.device, torch.Generator] = {}
"""Generators that draw the same on all ranks; one process has no need of them."""


def rank() -> int:
    """The rank of this process among those that train together; 0 if it is alone."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def shared_generator(device: torch.device) -> torch.Generator | None:
    """What draws the same on all ranks within a step: the default generator (None) where there is one process.

    So N ranks draw what one process draws, as long as that has no dropout, whose draws come from its default generator
    too.
    """
    return _shared.get(device) if world_size() > 1 else None


def uniform_per_image(count: int, device: torch.device) -> Tensor:
    """A number in [0, 1) for each of this rank's ``count`` images (count,): its part of a draw for all ranks' images.

    N ranks thus draw what one process with the N-fold batch would.
    """
    return _own(torch.rand(count * world_size(), device=device, generator=shared_generator(device)))


def integers_per_image(low: int, high: int, count: int, device: torch.device) -> Tensor:
    """A whole number in [low, high] for each of this rank's ``count`` images (count,), as :func:`uniform_per_image`."""
    shape = (count * world_size(),)
    return _own(torch.randint(low, high + 1, shape, device=device, generator=shared_generator(device)))


def _own(drawn: Tensor) -> Tensor:
    """This rank's part of what was drawn for all."""
    count = len(drawn) // world_size()
    return drawn[rank() * count : (rank() + 1) * count]


_drawn: WeakKeyDictionary[Trainer, int] = WeakKeyDictionary()
"""Seeds of trainers that were given none: drawn once, as training seeds the generator they are drawn from."""


def run_seed(trainer: Trainer | None) -> int:
    """The seed of this run: that of ``seed_everything``, else one drawn by PyTorch, the same on all ranks.

    Where none was given, the ranks agree on one in the first call for a trainer, which all of them must make.
    """
    if (given := os.environ.get("PL_GLOBAL_SEED")) is not None:
        return int(given)
    if trainer is None:
        return torch.initial_seed()
    if trainer not in _drawn:
        _drawn[trainer] = trainer.strategy.broadcast(torch.initial_seed())
    return _drawn[trainer]
