"""Averaged copies of the generators' weights, which the EMA callback updates."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn


class AveragedGenerators(L.LightningModule, ABC):
    """Holds an averaged copy of each generator if the run averages, and says which generator evaluation uses.

    Attributes:
        ema: the averaged copies, by attribute name of the generator; empty if the run does not average.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ema = nn.ModuleDict()

    @property
    @abstractmethod
    def generators(self) -> dict[str, nn.Module]:
        """The generators, by attribute name."""

    def add_ema(self) -> None:
        """Add an averaged copy of each generator that has none."""
        for name, network in self.generators.items():
            if name not in self.ema:
                self.ema[name] = copy.deepcopy(network).requires_grad_(False).eval()

    def eval_generator(self, name: str) -> nn.Module:
        """The generator for evaluation, samples and export: the averaged copy if there is one, else the generator."""
        return self.ema[name] if name in self.ema else self.generators[name]

    @property
    def weights_kind(self) -> str:
        """The kind of weights that :meth:`eval_generator` returns, "ema" or "raw". Part of every score's stamp."""
        return "ema" if len(self.ema) else "raw"

    def match_averages(self, state: dict[str, Tensor]) -> None:
        """Make the averaged copies of this model and of a state dict that is about to be loaded the same in number.

        Copies that only ``state`` has are added to the model. If only the model has copies, the state's generators are
        added to ``state`` as their averages, with a warning.
        """
        if any(key.startswith("ema.") for key in state):
            self.add_ema()
        elif len(self.ema):
            rank_zero_warn("The checkpoint holds no averaged generator; the average starts from its generator.")
            for name in self.generators:
                copies = {k: v for k, v in state.items() if k.startswith(f"{name}.")}
                state.update({f"ema.{key}": value.clone() for key, value in copies.items()})
