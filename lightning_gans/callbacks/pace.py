"""The speed of a run, and how much of it is left."""

from __future__ import annotations

import math
from collections import deque

from lightning.pytorch import Trainer

WINDOW = 20
"""Drawings over which the speed is measured."""


class Pace:
    """The speed of training and what is left of it; validations are counted apart from the steps.

    Args:
        step: of the run when this process starts training, which is more than 0 if it is resumed.
        now: time in seconds.
    """

    def __init__(self, step: int, now: float) -> None:
        self._paused = 0.0
        self._pause_start: float | None = None
        self._pauses = 0
        self._start = now
        self._marks = deque([(now, step)], maxlen=WINDOW)

    def pause(self, now: float) -> None:
        """A validation starts."""
        self._pause_start = now

    def go_on(self, now: float) -> None:
        """Training goes on after a validation, if there was one."""
        if self._pause_start is not None:
            self._paused += now - self._pause_start
            self._pauses += 1
            self._pause_start = None

    def mark(self, step: int, now: float) -> None:
        """Measure from here on, and forget the oldest mark."""
        self._marks.append((now - self._paused, step))

    def duration(self, now: float) -> float:
        """Seconds since the start, validations included."""
        return now - self._start

    @property
    def steps_per_second(self) -> float | None:
        """The number of steps in a second of the last marks; None before there are two."""
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start and last > first else None

    def seconds_left(self, steps: float, validations: int) -> float | None:
        """How long so many steps and validations take; None if that is not known."""
        if (speed := self.steps_per_second) is None or not math.isfinite(steps):
            return None
        return steps / speed + validations * (self._paused / self._pauses if self._pauses else 0)


def total_steps(trainer: Trainer) -> float:
    """Number of steps of the whole run, in which a batch is a step; infinite if it has no end."""
    epochs = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs >= 0 else math.inf
    return min(epochs * trainer.num_training_batches, trainer.max_steps if trainer.max_steps >= 0 else math.inf)


def validations_left(trainer: Trainer, total: float) -> int:
    """Number of validations from here to the end of the run; 0 if their interval is not known in steps."""
    interval = trainer.val_check_batch
    if interval is not None and trainer.check_val_every_n_epoch and interval >= trainer.num_training_batches:
        interval = trainer.num_training_batches * trainer.check_val_every_n_epoch
    if not interval or not math.isfinite(interval) or not math.isfinite(total):
        return 0
    return max(0, int(total // interval - trainer.global_step // interval))


def format_speed(speed: float) -> str:
    """A number of steps in a second with three digits."""
    return f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"


def format_duration(seconds: float) -> str:
    """A duration in hours, minutes and seconds, such as "1:05" or "2:00:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
