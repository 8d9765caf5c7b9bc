"""A sum over processes that is computed, and copied from the device, while training goes on."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from lightning_gans.core.randomness import world_size


class AsyncSum:
    """The sum of a scalar over all processes. Every process must create it, at the same point of training.

    Neither the exchange between processes nor the copy from a GPU waits until :meth:`result` is called, by then
    usually in vain: the work of a step is queued behind it.

    Args:
        value: a scalar without history, on the device.
    """

    def __init__(self, value: Tensor) -> None:
        self._sum = value.clone()
        self._work = dist.all_reduce(self._sum, async_op=True) if world_size() > 1 else None
        self._event: torch.cuda.Event | None = None
        if self._sum.is_cuda:
            if self._work is not None:
                self._work.wait()  # lets the device wait, not this process
            # Copied now: a later copy would be queued behind the work of the next step.
            self._sum = self._sum.to("cpu", non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has not annotated it
            self._event.record()

    def result(self) -> float:
        """The sum, equal on all processes."""
        if self._event is not None:
            self._event.synchronize()
        elif self._work is not None:
            self._work.wait()
        return self._sum.item()
