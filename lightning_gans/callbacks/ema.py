"""Exponential moving average of the generator's weights."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.core.errors import at_least
from lightning_gans.families.adversarial import Adversarial

AVERAGED_BUFFERS = ("running_mean", "running_var")
"""Names of the buffers that are averaged: the running statistics of batch normalization."""


class EMA(Callback):
    """Exponential moving average (EMA) of every generator, used in evaluation and sampling.

    After the generators' n-th update ``ema = d * ema + (1 - d) * generator`` with ``d = min(decay, (1 + n) / (10 +
    n))``, so that the first updates have little weight. The running statistics of batch normalization are averaged like
    weights. All other buffers, such as the vectors of spectral normalization, are copied. The averages are part of the
    model's ``state_dict``. Lightning's ``WeightAveraging`` would average the discriminators as well.

    Args:
        decay: fraction of the average that each update keeps after the first updates, in [0, 1); 0 keeps no average.
        half_life: number of the generators' updates after which the weight of an update in the average has halved, or a
            schedule of it, as in R3GAN, whose half-life starts at 0; ``decay`` is not used then. None uses ``decay``.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(self, decay: float = 0.999, half_life: float | Schedule | None = None) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected at least 0 and less than 1")
        if half_life is not None and not isinstance(half_life, Schedule):
            at_least("half_life", half_life, 0)
        self.decay = decay
        self.half_life = half_life

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the averages before the checkpoint is restored and the model is moved to its device."""
        averages = self.decay > 0 or self.half_life is not None
        if stage == "fit" and averages and isinstance(pl_module, Adversarial):
            pl_module.add_ema()

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the averages if the generators were updated in this batch."""
        if not isinstance(pl_module, Adversarial):
            return
        generators, step = pl_module.sides["g"], trainer.global_step - 1
        updates = generators.updates(step + 1)
        if updates == generators.updates(step):
            return
        if self.half_life is None:
            decay = min(self.decay, (1 + updates) / (10 + updates))
        else:
            half_life = value_at(self.half_life, step, pl_module.total_steps)
            decay = 0.5 ** (1 / half_life) if half_life > 0 else 0.0
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch has not annotated it
        for name, average in pl_module.ema.items():
            generator = pl_module.generators[name]
            averaged: list[Tensor] = list(average.parameters())
            current: list[Tensor] = list(generator.parameters())
            for (key, mean), value in zip(average.named_buffers(), generator.buffers(), strict=True):
                if key.rpartition(".")[2] in AVERAGED_BUFFERS:
                    averaged.append(mean)
                    current.append(value)
                else:
                    mean.copy_(value)
            update(averaged, current, updates)
