"""Signals that ask a run to end: noted at once, obeyed on a whole step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

NOTED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Ctrl-C; the end of a job or a machine; a scheduler's warning ahead of it (two, as sites differ)."""

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
"""Those after which a job asks to be put back into the queue."""


class DeferredSignals:
    """Handlers that only note which signal has come: what they interrupt may be half of a step, or of a collective."""

    def __init__(self) -> None:
        self.noted = 0
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Start to note."""
        self.noted = 0
        self._before = {number: signal.signal(number, self._note) for number in NOTED}

    def restore(self) -> None:
        """Put back the handlers of before."""
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted and number == signal.SIGINT:
            raise KeyboardInterrupt
        first, self.noted = not self.noted, max(self.noted, number)
        if first:
            name = signal.Signals(number).name
            again = "; once more ends it at once" if number == signal.SIGINT else ""
            # Not by print, which the signal may have interrupted.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{name}: the run will end{again}\n".encode())


def slurm_job() -> str | None:
    """The job that this process is part of, as ``scontrol`` takes it; None outside SLURM."""
    if "SLURM_JOB_ID" not in os.environ:
        return None
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        return f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ["SLURM_JOB_ID"]


def requeue(job: str) -> str | None:
    """Put a running job back into the queue.

    Returns:
        What went wrong, if anything did.
    """
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()
