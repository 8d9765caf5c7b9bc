"""Signals that end a sweep between two steps, and not within one."""

from __future__ import annotations

import signal
from typing import Any, Self


class Interruption:
    """Notes the signals that interrupt this process, while it is entered.

    :meth:`check` raises the exception. A handler that raises it anywhere, as Python's own does, may do so within a
    transaction, and the file of the study's database stays locked. Batch systems send SIGTERM, terminals that are
    closed SIGHUP.
    """

    SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.noted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        self.noted = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal was noted."""
        if self.noted:
            raise KeyboardInterrupt


NEVER = Interruption()
"""One that is never entered, and notes nothing."""
