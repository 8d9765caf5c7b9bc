"""What a processor does slowly, and how to do without it."""

from __future__ import annotations

import os

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn

HALF = ("bf16-true", "bf16-mixed")
"""The trainer's half precisions on a CPU, where 16-mixed becomes bf16-mixed."""


def apply_cpu_settings() -> None:
    """Settings of a process that trains, to be made before torch starts its threads."""
    # Averages of gradients that die out pass through numbers below 1e-38, with which processors are many times slower.
    torch.set_flush_denormal(True)
    if not torch.cuda.is_available():
        # Lightning asks for a check that forked processes survive. Optimizers check at every step, and without NVIDIA's
        # library this one looks for it on the disk each time.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"


def warn_if_emulated(trainer: Trainer) -> None:
    """Warn of half precision on an x86 processor without instructions for it, where it is hundreds of times slower."""
    if trainer.strategy.root_device.type != "cpu" or trainer.precision not in HALF:
        return
    can = torch.cpu.get_capabilities()
    if can.get("architecture") == "x86_64" and not (can.get("avx512_bf16") or can.get("amx_bf16")):
        rank_zero_warn(
            f"trainer.precision is {trainer.precision}, but this processor has no instructions for bfloat16 (neither "
            "avx512_bf16 nor amx_bf16): matrix products may take hundreds of times as long as in 32-true"
        )
