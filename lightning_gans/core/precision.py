"""The number formats of training: the precisions that a run may have, and float32 within mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

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


def device_name(device: torch.device) -> str:
    """The name of a CUDA device, such as "NVIDIA H200"; of other devices the type, such as "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def metrics_device(device: torch.device) -> torch.device:
    """Device of metrics and extractors in a run on ``device``: the CPU where float64 does not exist, as on MPS."""
    return torch.device("cpu") if device.type == "mps" else device


SHORTER = ("tf32", "bf16")
"""PyTorch's names of the formats that are shorter than float32."""

TF32_CAPABILITY = (8, 0)
"""The first compute capability of NVIDIA's GPUs that have TensorFloat-32."""


def reduced_float32(device: torch.device) -> list[str]:
    """The kinds of float32 operations that PyTorch may round to a shorter format on a device.

    Returns:
        Format and kind, such as "tf32-convolutions" for PyTorch's default on recent NVIDIA GPUs, and
        "tf32-matrix-products" beside it with ``torch.set_float32_matmul_precision("high")``; empty if all are float32.
    """
    backends: Any = torch.backends  # which torch has annotated in part
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= TF32_CAPABILITY:
        settings = (backends.cudnn.conv, backends.cuda.matmul)
    elif device.type == "cpu":
        settings = (backends.mkldnn.conv, backends.mkldnn.matmul)
    else:
        return []
    kinds = zip(settings, ("convolutions", "matrix-products"), strict=True)
    return [f"{setting.fp32_precision}-{kind}" for setting, kind in kinds if setting.fp32_precision in SHORTER]


def describe_precision(precision: str | int, device: torch.device) -> str:
    """The trainer's precision and :func:`reduced_float32`, for the stamp of a score: "32-true,tf32-convolutions"."""
    return ",".join([str(precision), *reduced_float32(device)])


def autocast_off(device: torch.device) -> AbstractContextManager[object]:
    """Context in which operations on ``device`` have the type of their tensors, also within mixed precision.

    Args:
        device: the device that autocast is on for, if it is on.
    """
    # The check is many times faster than entering the context.
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()


def autocasts_to_float16(device: torch.device) -> bool:
    """Whether operations on ``device`` are within mixed precision with float16."""
    return torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type) == torch.float16


def at_least_float32(values: Tensor) -> Tensor:
    """Half-precision values as float32; others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
