"""What a batch tells of itself: to loggers at their interval, to the watchdog at every step."""

from __future__ import annotations

import lightning as L
from torch import Tensor


class Recording(L.LightningModule):
    """Logs scalars of a batch at the logger's interval only, since logging costs more than a small step.

    Attributes:
        losses: each side's newest loss, a scalar on the device, of whichever batch it moved in.
        recorded: the scalars of the newest batch that was logged, by key, on the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.losses: dict[str, Tensor] = {}
        self.recorded: dict[str, Tensor] = {}

    @property
    def records(self) -> bool:
        """Whether this batch is one that the logger's interval asks for."""
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set outside __init__
        return interval > 0 and (self.global_step + 1) % interval == 0

    def record(self, key: str, value: Tensor, prog_bar: bool = False) -> None:
        """Log a scalar of this batch, at the logger's interval only."""
        if self.records:
            self.recorded[key] = value.detach()
            self.log(key, value.detach(), prog_bar=prog_bar)
