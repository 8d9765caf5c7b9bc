"""The number formats of training: the precisions that a run may have, and float32 within mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Lightning's names of the precisions in which weights, averages and optimizer states are float32."""


def check_precision(precision: str | int) -> None:
    """Check that weights, averages and optimizer states are float32.

    Args:
        precision: the trainer's precision, as Lightning names it.

    Raises:
        InputError: if it is none of :data:`PRECISIONS`.
    """
    if precision in PRECISIONS:
        return
    reason = "is not supported"
    if precision in ("16-true", "bf16-true"):
        reason = (
            "rounds weights and averages to half precision, in which the steps of a GAN's optimizers and of an average "
            "are smaller than the distance between two numbers"
        )
    elif precision == "64-true":
        reason = "makes the weights float64, but noise, images and scores are float32"
    raise InputError(f"trainer.precision is {precision}, which {reason}; expected {', '.join(PRECISIONS)}")


def autocast_off(device: torch.device) -> AbstractContextManager[object]:
    """Context in which operations on ``device`` have the type of their tensors, also within mixed precision.

    Args:
        device: the device that autocast is on for, if it is on.
    """
    # The check is many times faster than entering the context.
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()


def at_least_float32(values: Tensor) -> Tensor:
    """Half-precision values as float32; others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
