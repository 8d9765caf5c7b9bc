"""What the choices are made from: the machine, a training step that is tried there, and a choice with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

GIB = 2**30


class Device(NamedTuple):
    """Where a run trains.

    Attributes:
        kind: "cpu", "cuda" or "mps".
        name: for messages, such as "this CPU".
        memory: bytes that a process may use there.
    """

    kind: str
    name: str
    memory: int


class Attempt(NamedTuple):
    """A training step to try.

    Attributes:
        channels: of the images.
        size: (height, width) of the images.
        num_classes: number of classes that both networks are given; 0 for none.
        widths: of the generator and of the discriminator.
        augmented: whether the discriminator is given augmented images.
        batch_size: images in a batch.
    """

    channels: int
    size: tuple[int, int]
    num_classes: int
    widths: tuple[int, int]
    augmented: bool
    batch_size: int


class Cost(NamedTuple):
    """What a training step takes.

    Attributes:
        memory: bytes.
        seconds: mean time of a step.
        images: size of the batch that was computed; memory and time are estimated from it if it is a smaller one.
    """

    memory: int
    seconds: float
    images: int


Trial = Callable[[Attempt], Cost | None]
"""Tries a step; None if the device has too little memory for it."""


@dataclass(frozen=True)
class Choice:
    """A setting, and why.

    Attributes:
        what: what is chosen.
        value: the choice, in words.
        reason: why.
        settings: values by dotted key, as on the command line.
    """

    what: str
    value: str
    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def gibibytes(memory: int) -> str:
    """A number of bytes in GiB, as text."""
    return f"{memory / GIB:.2f} GiB" if memory < GIB else f"{memory / GIB:.1f} GiB"


def duration(seconds: float) -> str:
    """A duration as text, in the unit in which it is a number from 1 on."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
