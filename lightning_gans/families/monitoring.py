"""Logging of a training step's scalars, and the time that a run has trained."""

from __future__ import annotations

import time

import lightning as L
from torch import Tensor


class ScalarLogging(L.LightningModule):
    """Logs scalars every ``trainer.log_every_n_steps`` steps only, because logging takes longer than a small step.

    Attributes:
        losses: the latest loss of each side, a scalar on the device, set in every step in which the side is due.
        last_logged: the scalars of the latest step that was logged, by key, on the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.losses: dict[str, Tensor] = {}
        self.last_logged: dict[str, Tensor] = {}

    @property
    def should_log(self) -> bool:
        """Whether the scalars of the current step are logged."""
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set outside __init__
        return interval > 0 and (self.global_step + 1) % interval == 0

    def log_scalar(self, key: str, value: Tensor, prog_bar: bool = False) -> None:
        """Log a scalar if :attr:`should_log` is true.

        Args:
            key: name of the scalar.
            value: a scalar.
            prog_bar: whether the progress bar shows it.
        """
        if self.should_log:
            self.last_logged[key] = value.detach()
            self.log(key, value.detach(), prog_bar=prog_bar)


class Stopwatch:
    """Measures the training time of a run that may be resumed, without the time between its parts.

    It replaces Lightning's ``Timer``, a callback, whose state Lightning restores in ``fit`` only: ``test`` reports the
    training time of the checkpoint that it evaluates.

    Attributes:
        before: seconds that earlier parts of the run have trained.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._start: float | None = None

    def start(self) -> None:
        """Start measuring this part of the run."""
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds that the run has trained until now, over all parts."""
        return self.before + (0.0 if self._start is None else time.perf_counter() - self._start)
