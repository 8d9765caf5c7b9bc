"""LSGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import LeastSquares, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, LSGANDiscriminator, LSGANGenerator


@final
class LSGAN(LatentGAN):
    r"""Least squares GAN (Mao et al., 2017): D regresses b for real and a for generated images, G the target c.

    The targets are arguments of :class:`lightning_gans.components.objectives.LeastSquares`, for instance
    ``--model.objective.a -1 --model.objective.b 1 --model.objective.c 0``, with which G minimizes the Pearson
    :math:`\chi^2` divergence (section 3.2.2).

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(LSGANGenerator),
        discriminator: Discriminator = default(LSGANDiscriminator),
        objective: Objective = default(LeastSquares, scale=0.5),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, **kwargs)
