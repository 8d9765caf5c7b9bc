"""Penalties on the discriminator, added to the discriminator's loss of any latent variant by class path.

For instance ``--model.penalty R1 --model.penalty.weight 1``.
"""

from lightning_gans.components.penalties.consistency import Consistency, LatentConsistency
from lightning_gans.components.penalties.gradients import DRAGAN, WassersteinDivergence
from lightning_gans.components.penalties.standard import (
    R1,
    R1R2,
    R2,
    DiscriminatorPass,
    GradientPenalty,
    LeCam,
    Penalties,
    Penalty,
    squared_gradient_norms,
)

__all__ = [
    "DRAGAN",
    "R1",
    "R1R2",
    "R2",
    "Consistency",
    "DiscriminatorPass",
    "GradientPenalty",
    "LatentConsistency",
    "LeCam",
    "Penalties",
    "Penalty",
    "WassersteinDivergence",
    "squared_gradient_norms",
]
