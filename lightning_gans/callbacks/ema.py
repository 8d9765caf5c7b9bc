"""Averaging of the generator's weights."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_gans.core.errors import InputError
from lightning_gans.families.adversarial import Adversarial


class EMA(Callback):
    """Exponential moving average of every generator, buffers included; evaluation and sampling use the average.

    After each batch ``average += (1 - d) * (generator - average)`` with ``d = min(decay, (1 + step) / (10 + step))``,
    so that the first steps are forgotten at once. Floating-point buffers (batch normalisation's running statistics) are
    averaged like weights, integer buffers copied. The averages are part of the model's ``state_dict``.

    Args:
        decay: share of the average that stays, in [0, 1); 0 keeps no average at all.

    Raises:
        InputError: if ``decay`` is out of range.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"ema.decay is {decay}; expected at least 0 and less than 1")
        self.decay = decay

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the averaged copies before the checkpoint is restored and the model is moved."""
        if stage == "fit" and self.decay > 0 and isinstance(pl_module, Adversarial):
            pl_module.add_ema()

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the averages towards the generators."""
        assert isinstance(pl_module, Adversarial)
        step = trainer.global_step
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, average in pl_module.ema.items():
            ours, theirs = average.state_dict(), pl_module.generators[name].state_dict()
            moving = [key for key, value in ours.items() if value.is_floating_point()]
            torch._foreach_lerp_([ours[key] for key in moving], [theirs[key] for key in moving], weight)
            for key in ours.keys() - set(moving):
                ours[key].copy_(theirs[key])
