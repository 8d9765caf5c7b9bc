"""Loss scales of training in float16, one for each side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.plugins import MixedPrecision, Precision
from torch import Tensor
from torch.amp import GradScaler

from lightning_gans.components.compat import skips_on_device


class LossScaling:
    """A gradient scaler for each side, in place of the single one of Lightning's plugin.

    A scaler changes its scale after a step of an optimizer. With one scaler for both sides, a step of the generators
    would change the scale between two batches whose gradients the discriminators accumulate, and an overflow of one
    side would shrink the gradients of the other one.

    The plugin's own scaler is that of the generators, whose state Lightning stores in checkpoints.

    Args:
        plugin: the trainer's precision plugin, which has a scaler.
        device: device of the losses.
        stored: the state of an earlier run, as from :meth:`state_dict`; empty if there is none.

    Attributes:
        skipped: number of steps that each side has skipped since the run began, scalars on the device.
    """

    def __init__(self, plugin: MixedPrecision, device: torch.device, stored: Mapping[str, dict[str, Any]]) -> None:
        assert plugin.scaler is not None
        self._plugin = plugin
        self._scalers: dict[str, GradScaler] = {"g": plugin.scaler, "d": copy.deepcopy(plugin.scaler)}
        if stored:
            self._scalers["d"].load_state_dict(stored["d"])
        self._one = torch.ones((), device=device)
        self._scales = {name: self._read(name) for name in self._scalers}
        skipped = stored.get("skipped", {})
        self.skipped = {name: torch.tensor(skipped.get(name, 0.0), device=device) for name in self._scalers}

    @classmethod
    def of(cls, plugin: Precision, device: torch.device, stored: Mapping[str, dict[str, Any]]) -> LossScaling | None:
        """The loss scaling of a run; None if its precision needs none."""
        if not isinstance(plugin, MixedPrecision) or plugin.scaler is None or not plugin.scaler.is_enabled():
            return None
        return cls(plugin, device, stored)

    def _read(self, name: str) -> Tensor:
        scale: Tensor = self._scalers[name].scale(self._one)
        return scale

    @contextmanager
    def side(self, name: str) -> Iterator[None]:
        """Context in which Lightning's plugin uses the scaler of side ``name``."""
        self._plugin.scaler = self._scalers[name]
        try:
            yield
        finally:
            self._plugin.scaler = self._scalers["g"]

    def step(self, name: str, optimizer: LightningOptimizer) -> None:
        """Update side ``name`` by unscaled gradients, or skip the step and lower the scale if they are not finite.

        Nothing waits for the device if the optimizer is a fused one. It is called within :meth:`side`.
        """
        if skips_on_device(optimizer.optimizer):
            # Lightning leaves this to the step of such an optimizer, where it would be too late to measure and to clip.
            self._scalers[name].unscale_(optimizer.optimizer)
        optimizer.step()
        scale = self._read(name)
        self.skipped[name] += scale < self._scales[name]
        self._scales[name] = scale

    def scalars(self, name: str) -> dict[str, Tensor]:
        """The scale and the number of skipped steps of side ``name``, by the names that they are logged under."""
        return {f"loss_scale/{name}": self._scales[name], f"skipped_steps/{name}": self.skipped[name].clone()}

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """What Lightning does not store: the state of the discriminators' scaler, and the numbers of skipped steps."""
        return {
            "d": self._scalers["d"].state_dict(),
            "skipped": {name: count.item() for name, count in self.skipped.items()},
        }
