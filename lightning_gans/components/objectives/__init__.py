"""Adversarial losses, pairs of functions of logits for discriminator and generator, chosen by class path.

For instance ``--model.objective RelativisticAverage``.
"""

from lightning_gans.components.objectives.comparing import (
    RelativisticAverageHinge,
    RelativisticAverageLeastSquares,
    Softmax,
)
from lightning_gans.components.objectives.divergences import (
    FDivergence,
    JensenShannon,
    KullbackLeibler,
    PearsonChiSquared,
    ReverseKullbackLeibler,
    SquaredHellinger,
)
from lightning_gans.components.objectives.energies import BoundaryEquilibrium, EnergyBased
from lightning_gans.components.objectives.standard import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Objective,
    Relativistic,
    RelativisticAverage,
    Saturating,
    SmoothedHinge,
    Wasserstein,
    hinge,
    image_logits,
    mean_squared_error,
    minimax,
    negative_mean_logit,
    non_saturating,
    relativistic,
    saturating,
    top_logits,
    wasserstein,
)
from lightning_gans.components.objectives.targets import SmoothedLabels

__all__ = [
    "BoundaryEquilibrium",
    "EnergyBased",
    "FDivergence",
    "Hinge",
    "JensenShannon",
    "KullbackLeibler",
    "LeastSquares",
    "NonSaturating",
    "Objective",
    "PearsonChiSquared",
    "Relativistic",
    "RelativisticAverage",
    "RelativisticAverageHinge",
    "RelativisticAverageLeastSquares",
    "ReverseKullbackLeibler",
    "Saturating",
    "SmoothedHinge",
    "SmoothedLabels",
    "Softmax",
    "SquaredHellinger",
    "Wasserstein",
    "hinge",
    "image_logits",
    "mean_squared_error",
    "minimax",
    "negative_mean_logit",
    "non_saturating",
    "relativistic",
    "saturating",
    "top_logits",
    "wasserstein",
]
