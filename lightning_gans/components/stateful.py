"""Parts of a model that change in training beside its weights, such as a penalty that keeps moving averages."""

from __future__ import annotations

from collections.abc import Mapping

from lightning_gans.core.arguments import StoresArguments


class StatefulPart(StoresArguments):
    """Base class of parts whose state, a few numbers, is stored in checkpoints; most parts have none.

    A family stores the state of each part that is an attribute of the model, under the attribute's name, and restores
    it where a run is resumed, or where the watchdog goes back to an earlier checkpoint. What a part has learned from
    the images of all processes has to be equal on all of them.
    """

    def training_state(self) -> dict[str, float]:
        """The state as numbers by name; empty if there is none. Every process calls it, at the same step."""
        return {}

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from a state.

        Args:
            state: finite numbers with the names of :meth:`training_state`.
        """
