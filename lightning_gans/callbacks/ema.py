"""Exponential moving average of the generator's weights."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.core.arguments import describe
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
        interval: the averages are computed after every ``interval``-th update of the generators, with the product of
            the decays of these updates. Larger ones take less time, which is a few percent of a step of dense networks.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(self, decay: float = 0.999, half_life: float | Schedule | None = None, interval: int = 1) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected at least 0 and less than 1")
        if half_life is not None and not isinstance(half_life, Schedule):
            at_least("half_life", half_life, 0)
        at_least("interval", interval, 1)
        self.decay = decay
        self.half_life = half_life
        self.interval = interval
        self._tensors: list[tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the averages before the checkpoint is restored and the model is moved to its device."""
        if stage == "fit" and self._averages and isinstance(pl_module, Adversarial):
            pl_module.add_ema()
            settings = {"decay": self.decay, "half_life": describe(self.half_life), "interval": self.interval}
            pl_module.logged_settings["ema"] = settings

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the averages of a checkpoint if this run keeps none, and set the others to train mode.

        That is until training starts, when Lightning warns of modules in eval mode.
        """
        if not isinstance(pl_module, Adversarial):
            return
        if not self._averages and len(pl_module.ema):
            pl_module.ema.clear()
            rank_zero_info("ema.decay is 0: the average in the checkpoint is dropped, and evaluation uses raw weights")
        pl_module.ema.train()

    @property
    def _averages(self) -> bool:
        return self.decay > 0 or self.half_life is not None

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set them to eval mode where no training started, since nothing was left to train."""
        if isinstance(pl_module, Adversarial):
            pl_module.ema.eval()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collect the tensors of the averages, which walking through the networks in every step would do again."""
        self._tensors = []
        if not isinstance(pl_module, Adversarial):
            return
        pl_module.ema.eval()
        for name, average in pl_module.ema.items():
            generator = pl_module.generators[name]
            means: list[Tensor] = list(average.parameters())
            values: list[Tensor] = list(generator.parameters())
            copies: list[Tensor] = []
            originals: list[Tensor] = []
            for (key, mean), value in zip(average.named_buffers(), generator.buffers(), strict=True):
                averaged = key.rpartition(".")[2] in AVERAGED_BUFFERS
                (means if averaged else copies).append(mean)
                (values if averaged else originals).append(value)
            self._tensors.append((means, values, copies, originals))

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the averages if the generators were updated in this batch."""
        if not isinstance(pl_module, Adversarial):
            return
        generators, step = pl_module.sides["g"], trainer.global_step - 1
        updates = generators.updates(step + 1)
        if updates == generators.updates(step) or updates % self.interval:
            return
        half_life = None if self.half_life is None else value_at(self.half_life, step, pl_module.total_steps)
        decay = prod(self._decay(update + 1, half_life) for update in range(updates - self.interval, updates))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch has not annotated it
        for means, values, copies, originals in self._tensors:
            average(means, values, updates)
            for copied, original in zip(copies, originals, strict=True):
                copied.copy_(original)

    def _decay(self, update: int, half_life: float | None) -> float:
        """The fraction of the average that update number ``update`` (from 1) keeps."""
        if half_life is None:
            return min(self.decay, (1 + update) / (10 + update))
        return 0.5 ** (1 / half_life) if half_life > 0 else 0.0
