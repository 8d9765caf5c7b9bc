"""The state of a model's parts, such as ADA's probability, in checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.errors import InputError

PART_STATES = "part_states"
"""Key of a checkpoint."""


def part_states(model: object) -> dict[str, Any]:
    """The states of a model's parts, by attribute name, as an entry of a checkpoint; empty if there are none.

    Every process must call it, at the same step.
    """
    states = {name: part.training_state() for name, part in _parts(model).items()}
    states = {name: state for name, state in states.items() if state}
    return {PART_STATES: states} if states else {}


def load_part_states(model: object, checkpoint: Mapping[str, Any]) -> None:
    """Continue from the states of a checkpoint; a part that has none there starts anew.

    Raises:
        InputError: if a state does not fit its part.
    """
    states = checkpoint.get(PART_STATES, {})
    for name, part in _parts(model).items():
        if name not in states:
            continue
        try:
            part.load_training_state(_numbers(states[name]))
        except (KeyError, ValueError) as error:
            raise InputError(
                f"the checkpoint's {PART_STATES}.{name} does not fit {type(part).__name__} ({error}); expected what a "
                "run with it has stored"
            ) from error


def _parts(model: object) -> dict[str, StatefulPart]:
    return {name: value for name, value in vars(model).items() if isinstance(value, StatefulPart)}


def _numbers(state: object) -> dict[str, float]:
    """The state, if it is finite numbers by name.

    Raises:
        ValueError: if it is anything else.
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"it is a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} is {value!r}")
    return dict(state)
