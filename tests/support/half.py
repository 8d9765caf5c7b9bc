"""16-mixed on a CPU: float16 has the rounding and the range that it has on a GPU, but not its speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor

from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from tests.support.tiny import tiny_trainer


def emulated_half(scale: float = 65536.0, **kwargs: Any) -> MixedPrecision:
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale, **kwargs))


def half_trainer(folder: Path, plugin: MixedPrecision | None = None, **kwargs: Any) -> L.Trainer:
    plugins = [AtomicCheckpointIO(), plugin or emulated_half()]
    return tiny_trainer(folder, **{"limit_val_batches": 0, "plugins": plugins, **kwargs})


class Gradients(Callback):
    """The gradient of a side in every step of its optimizer, unscaled."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.seen: list[Tensor] = []

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        if optimizer is trainer.optimizers[self.index]:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
            self.seen.append(torch.cat([gradient.flatten() for gradient in gradients]).clone())
