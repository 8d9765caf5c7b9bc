"""Values that show a symptom of failing training, and when that symptom ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

MANY_SKIPPED = 10
"""A loss scale that starts too high finds its place within fewer skipped steps."""


class Sign(Protocol):
    """What shows a symptom."""

    @property
    def name(self) -> str:
        """Name of the value."""

    @property
    def triggered(self) -> bool:
        """Whether it shows the symptom."""

    @property
    def not_recovered(self) -> bool:
        """Whether a symptom that it has shown is still present."""

    @property
    def evidence(self) -> dict[str, float]:
        """The numbers that show the symptom, by name."""


@dataclass(frozen=True)
class Low:
    """A value that shows a symptom if it is at most ``ratio * reference``.

    The symptom ends when the value exceeds the geometric mean of that limit and the reference. This hysteresis avoids
    repeated warnings of a value that fluctuates around the limit.

    Attributes:
        name: name of the value.
        value: the value.
        kind: what the reference is, such as "best".
        reference: the value to compare with.
        ratio: in (0, 1).
    """

    name: str
    value: float
    kind: str
    reference: float
    ratio: float

    @property
    def triggered(self) -> bool:
        """Whether the value is at or below the limit."""
        return self.value <= self.ratio * self.reference

    @property
    def not_recovered(self) -> bool:
        """Whether a value that was below the limit has not recovered yet."""
        return self.value <= math.sqrt(self.ratio) * self.reference

    @property
    def evidence(self) -> dict[str, float]:
        """Value and reference by name."""
        return {self.name: self.value, f"{self.kind} {self.name}": self.reference}


@dataclass(frozen=True)
class Skipped:
    """A number of skipped steps that shows that gradients are repeatedly not finite.

    Attributes:
        name: name of the value.
        count: number of skipped steps since a longer time without one.
    """

    name: str
    count: float

    @property
    def triggered(self) -> bool:
        """Whether more steps were skipped than a loss scale needs to find its place."""
        return self.count >= MANY_SKIPPED

    @property
    def not_recovered(self) -> bool:
        """Whether a step was skipped lately."""
        return self.count > 0

    @property
    def evidence(self) -> dict[str, float]:
        """The number of skipped steps by name."""
        return {self.name: self.count}
