"""The averaged copies of the generators, which evaluation, samples and export use."""

from __future__ import annotations

import copy
from abc import ABC
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from lightning_gans.families.alternating import AlternatingTraining


class AveragedTraining(AlternatingTraining, ABC):
    """Holds the averages of the generators, which the callback :class:`lightning_gans.callbacks.EMA` updates.

    Args:
        **kwargs: see :class:`.AlternatingTraining`.

    Attributes:
        ema: the averaged copies of the generators, by attribute name; empty if the run does not average.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ema = nn.ModuleDict()

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

    def add_missing_averages(self, state: dict[str, Tensor]) -> None:
        """Add averages to a state dict that has none and is about to be loaded, if this model has some, with a warning.

        They start from the state's generators. :meth:`load_state_dict` adds copies that only ``state`` has.
        """
        if len(self.ema) and not any(key.startswith("ema.") for key in state):
            rank_zero_warn("The checkpoint holds no averaged generator; the average starts from its generator.")
            for name in self.generators:
                copies = {k: v for k, v in state.items() if k.startswith(f"{name}.")}
                state.update({f"ema.{key}": value.clone() for key, value in copies.items()})

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights, and add averaged copies of the generators if ``state_dict`` has some.

        A process that only starts others gets their weights in this way, and has no averaged copies itself.
        """
        if any(key.startswith("ema.") for key in state_dict):
            self.add_ema()
        return super().load_state_dict(state_dict, strict, assign)
