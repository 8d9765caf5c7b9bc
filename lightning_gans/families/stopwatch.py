"""How long a run has trained."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds of training up to now, over all parts of a resumed run; the time between the parts does not count.

    Attributes:
        before: seconds of the parts that are over.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._start: float | None = None

    def start(self) -> None:
        """A part begins."""
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """All parts so far."""
        return self.before + (0.0 if self._start is None else time.perf_counter() - self._start)
