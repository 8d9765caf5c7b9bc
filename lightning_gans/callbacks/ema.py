"""Exponential moving average of the generator's weights."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim.swa_utils import get_ema_multi_avg_fn

from lightning_gans.families.adversarial import Adversarial


class EMA(Callback):
    """Exponential moving average (EMA) of every generator, including buffers; used in evaluation and sampling.

    After each batch ``ema = d * ema + (1 - d) * generator`` with ``d = min(decay, (1 + step) / (10 + step))``, so that
    the first steps have little weight. Floating-point buffers (running statistics of batch normalization) are averaged
    like weights, integer buffers are copied. The averages are part of the model's ``state_dict``. Lightning's
    ``WeightAveraging`` would average the discriminators as well.

    Args:
        decay: fraction of the average that each step keeps after the first steps, in [0, 1); 0 keeps no average.

    Raises:
        ValueError: if ``decay`` is out of range.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected at least 0 and less than 1")
        self.decay = decay

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the averages before the checkpoint is restored and the model is moved to its device."""
        if stage == "fit" and self.decay > 0 and isinstance(pl_module, Adversarial):
            pl_module.add_ema()

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the averages."""
        assert isinstance(pl_module, Adversarial)
        step = trainer.global_step
        decay = min(self.decay, (1 + step) / (10 + step))
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch has not annotated it
        for name, average in pl_module.ema.items():
            averaged, current = average.state_dict(), pl_module.generators[name].state_dict()
            floating = [key for key, value in averaged.items() if value.is_floating_point()]
            update([averaged[key] for key in floating], [current[key] for key in floating], step)
            for key in averaged.keys() - set(floating):
                averaged[key].copy_(current[key])
