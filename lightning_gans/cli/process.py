"""Settings of the whole process, each a key of the command line."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn

HALF = ("bf16-true", "bf16-mixed")
"""The trainer's half precisions on a CPU, where 16-mixed becomes bf16-mixed."""


@dataclass
class ProcessSettings:
    """Settings of the whole process, which change speed.

    Args:
        flush_denormals: treat numbers below 1e-38 as zero on the CPU. Running averages of vanishing gradients pass
            through such numbers, and processors compute many times slower with them.
        skip_nvml_check: where there is no CUDA device, do not look for NVIDIA's library. Lightning asks torch for
            this check, and optimizers make it at every step.
    """

    flush_denormals: bool = False
    skip_nvml_check: bool = False

    def apply(self) -> None:
        """Apply the settings to this process; to be called before torch starts its threads."""
        if self.flush_denormals:
            torch.set_flush_denormal(True)
        if self.skip_nvml_check and not torch.cuda.is_available():
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


def filter_warnings() -> None:
    """Leave out messages that are harmless here, in the command line's own process only."""
    # The averaged generator is meant to stay in eval mode.
    warnings.filterwarnings("ignore", message=r"Found .* module\(s\) in eval mode at the start of training")
    # Images in memory are indexed fastest by the main process.
    warnings.filterwarnings("ignore", message=r"The '\w+' does not have many workers")
    # Lightning 2.6 uses torch's pytrees in a way that newer torch calls deprecated.
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    # A compiled D reads the gradient of the generated images that it is given.
    warnings.filterwarnings("ignore", message=r"The \.grad attribute of a Tensor that is not a leaf Tensor")
    # An advertisement.
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(lambda r: "litlogger" not in r.getMessage())
