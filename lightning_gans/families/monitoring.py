"""Scalars that a training step logs, and the seconds that a run has trained."""

from __future__ import annotations

import time

import lightning as L
from torch import Tensor


class ScalarLogging(L.LightningModule):
    """Logs a step's scalars every ``trainer.log_every_n_steps`` steps only; logging costs more than a small step.

    Attributes:
        losses: the newest loss of each side, a scalar on the device. Set in every step in which the side is updated.
        last_logged: the scalars of the newest step that was logged, by key, on the device.
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
        """Log a scalar if :attr:`should_log`."""
        if self.should_log:
            self.last_logged[key] = value.detach()
            self.log(key, value.detach(), prog_bar=prog_bar)


class Stopwatch:
    """Seconds of training over all parts of a resumed run, without the time between the parts.

    Lightning's ``Timer`` does not serve here: it is a callback, whose state a checkpoint gives back in ``fit`` only,
    while ``test`` reports the training time of the checkpoint that it evaluates.

    Attributes:
        before: seconds of the earlier parts.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._start: float | None = None

    def start(self) -> None:
        """Begin a part."""
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of all parts up to now."""
        return self.before + (0.0 if self._start is None else time.perf_counter() - self._start)
