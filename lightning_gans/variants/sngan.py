"""SNGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import Hinge, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, SNGANDiscriminator, SNGANGenerator
from lightning_gans.networks.constraints import SpectralNorm, WeightConstraint


@final
class SNGAN(LatentGAN):
    """Spectrally normalized GAN (Miyato et al., 2018): each layer of D is divided by its largest singular value.

    Spectral normalization is applied to any discriminator that is given; the loss is the hinge (eq. 16 and 17).

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        constraint: spectral normalization of the discriminator, in place of which another constraint may be given.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(SNGANGenerator),
        discriminator: Discriminator = default(SNGANDiscriminator),
        objective: Objective = default(Hinge),
        constraint: WeightConstraint | None = default(SpectralNorm),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, constraint=constraint, **kwargs)
