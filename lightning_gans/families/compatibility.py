"""Parts of a method that cannot be combined, refused before training."""

from __future__ import annotations

from lightning_gans.components.objectives import Objective
from lightning_gans.components.penalties import Penalty
from lightning_gans.networks.base import AnyDiscriminator


def check_objective(objective: Objective, discriminator: AnyDiscriminator | type[AnyDiscriminator]) -> None:
    """Check that an objective's losses are defined for the logits of a discriminator.

    Args:
        objective: the objective.
        discriminator: the discriminator, or its class.

    Raises:
        ValueError: if not.
    """
    name = type(objective).__name__
    judge = discriminator.__name__ if isinstance(discriminator, type) else type(discriminator).__name__
    if discriminator.gives_energies and objective.logits == "any":
        raise ValueError(
            f"objective is {name}, which needs logits of both signs, but those of {judge} are minus an energy, at most "
            "0; expected an objective on energies, such as EnergyBased or BoundaryEquilibrium, or on differences of "
            "logits, such as Wasserstein"
        )
    if not discriminator.gives_energies and objective.logits == "energies":
        raise ValueError(
            f"objective is {name}, which needs energies, but the logits of {judge} have no bound, so that its loss has "
            "none; expected a discriminator that is an autoencoder"
        )


def check_penalty(penalty: Penalty | None, discriminator: AnyDiscriminator) -> None:
    """Check that a penalty is defined for the logits of a discriminator.

    Raises:
        ValueError: if not.
    """
    if penalty is not None and penalty.uses_gradients and discriminator.gives_energies:
        raise ValueError(
            f"penalty is {type(penalty).__name__}, on gradients of logits by images, but the logits of "
            f"{type(discriminator).__name__} are errors of reconstruction, which compare with the image itself; "
            "expected a penalty without gradients, or None"
        )
