"""Numbers that change during a run, such as the weight of a penalty or the half-life of an average.

An argument that accepts a schedule is given a number or a class path, for instance
``--model.penalty.weight CosineSchedule --model.penalty.weight.start 1 --model.penalty.weight.end 0.1``.

A schedule is a function of the number of steps, so that a resumed run has the same values as an uninterrupted one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.errors import InputError, at_least


class Schedule(StoresArguments, ABC):
    """A number as a function of the step."""

    def __init__(self) -> None:
        """Create the object."""

    @abstractmethod
    def at(self, step: int, total_steps: float) -> float:
        """The number in one step.

        Args:
            step: number of the batch in the run, from 0.
            total_steps: length of the run in batches, infinity if it has no end.
        """


class CosineSchedule(Schedule):
    """Moves from ``start`` to ``end`` along half a period of a cosine, then stays at ``end``.

    R3GAN changes the penalty's weight, Adam's beta2, the learning rate and the average's half-life in this way (Huang
    et al., 2024, appendix). :class:`.CosineDecay` is for learning rate and beta2.

    Args:
        start: number in the first step.
        end: number after ``steps`` steps.
        steps: number of steps from ``start`` to ``end``; None uses ``share``.
        share: share of the run, in (0, 1], from ``start`` to ``end``; only used if ``steps`` is None.

    Raises:
        ValueError: if ``steps`` or ``share`` is out of range.
    """

    def __init__(self, start: float, end: float, steps: int | None = None, share: float = 1.0) -> None:
        check_duration(steps, share)
        self.start, self.end = start, end
        self.steps, self.share = steps, share

    def at(self, step: int, total_steps: float) -> float:
        """As in :meth:`Schedule.at`.

        Raises:
            InputError: if ``steps`` is None and the run has no end.
        """
        return cosine(self.start, self.end, progress(step, self.steps, self.share, total_steps, type(self).__name__))


class ExponentialSchedule(Schedule):
    """Is multiplied by a factor every so many steps, until it reaches its end.

    Top-k training reduces the share of images in this way, by a factor near 1 every epoch (Sinha et al., 2020).

    Args:
        start: number in the first step, positive.
        end: the last number, positive.
        factor: the factor, positive; less than 1 if ``end`` is less than ``start``, else at least 1.
        steps: number of steps between two multiplications, such as those of an epoch.

    Raises:
        ValueError: if a number is not positive, or the factor leads away from ``end``.
    """

    def __init__(self, start: float, end: float, factor: float, steps: int = 1) -> None:
        at_least("steps", steps, 1)
        for key, number in (("start", start), ("end", end), ("factor", factor)):
            if number <= 0:
                raise ValueError(f"{key} is {number}; expected a positive number")
        if (factor < 1) is not (end < start):
            raise ValueError(f"factor is {factor}, which does not lead from {start} to {end}; expected one that does")
        self.start, self.end = start, end
        self.factor, self.steps = factor, steps

    def at(self, step: int, total_steps: float) -> float:
        """As in :meth:`Schedule.at`."""
        done = math.log(self.end / self.start) / math.log(self.factor) if self.factor != 1 else 0
        count = step // self.steps
        return self.end if count >= done else self.start * self.factor**count


def value_at(number: float | Schedule, step: int, total_steps: float) -> float:
    """The value of a number, or of a schedule in one step; see :meth:`Schedule.at`."""
    return number.at(step, total_steps) if isinstance(number, Schedule) else number


def cosine(start: float, end: float, share: float) -> float:
    """A number on the way from ``start`` to ``end`` along half a period of a cosine.

    Args:
        start: value at share 0.
        end: value at share 1.
        share: share of the way, in [0, 1].
    """
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def progress(step: int, steps: int | None, share: float, total_steps: float, name: str) -> float:
    """The share, in [0, 1], of a schedule's duration that has passed in one step.

    Args:
        step: number of the batch in the run, from 0.
        steps: duration in steps; None uses ``share``.
        share: duration as a share of the run.
        total_steps: length of the run in batches, infinity if it has no end.
        name: name of the schedule, for the error message.

    Raises:
        InputError: if ``steps`` is None and the run has no end.
    """
    if steps is None and math.isinf(total_steps):
        raise InputError(unknown_length(name))
    return min(1.0, step / (share * total_steps if steps is None else steps))


def check_duration(steps: int | None, share: float) -> None:
    """Check the duration of a schedule.

    Raises:
        ValueError: if ``steps`` is less than 1, or ``share`` is not in (0, 1].
    """
    if steps is not None:
        at_least("steps", steps, 1)
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected a share of the run in (0, 1]")


def unknown_length(name: str) -> str:
    """The message of the error that a schedule depends on the length of a run that has no end."""
    return f"{name} needs a run of known length; give trainer.max_epochs or trainer.max_steps"
