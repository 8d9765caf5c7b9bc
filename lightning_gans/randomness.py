"""Randomness as a function of a counter, never of history.

Every draw in training comes from a generator seeded with (run seed, purpose, step or epoch, ...). So a resumed run
draws what the uninterrupted one would have drawn, on every rank, and no random state needs to be stored.
"""

from __future__ import annotations

import hashlib
import os
from weakref import WeakKeyDictionary

import torch
from lightning.pytorch import Trainer


def counter_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and on nothing else, the same on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def counter_generator(device: torch.device | str, *parts: int | str) -> torch.Generator:
    """A generator on ``device``, seeded by :func:`counter_seed`."""
    return torch.Generator(device).manual_seed(counter_seed(*parts))


def seed_step(device: torch.device, *parts: int | str) -> None:
    """Seed the default generators of the CPU and of ``device``: what dropout and a bare ``torch.randn`` draw from.

    Cheaper than ``torch.manual_seed``, which visits every backend there is.
    """
    seed = counter_seed(*parts)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(seed)


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
