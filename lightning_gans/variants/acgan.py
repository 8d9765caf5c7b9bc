"""ACGAN and ReACGAN: variants whose discriminator classifies images."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.auxiliary import AuxiliaryLoss, Classification, DataToData
from lightning_gans.components.objectives import Hinge, NonSaturating, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
)
from lightning_gans.networks.constraints import SpectralNorm, WeightConstraint


@final
class ACGAN(LatentGAN):
    """Auxiliary classifier GAN (Odena et al., 2017): D does not see the label, but tells it.

    D maximizes L_S + L_C, G maximizes L_C - L_S (eq. 2 and 3), where L_S is the log-likelihood of real and generated
    and L_C that of the label, on real and on generated images. L_S has the non-saturating loss for G.

    Args:
        generator: maps noise and labels to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        auxiliary: the classification.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator, conditional=True),
        discriminator: Discriminator = default(DCGANDiscriminator),
        objective: Objective = default(NonSaturating),
        auxiliary: AuxiliaryLoss | None = default(Classification, on_generated=True),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, auxiliary=auxiliary, **kwargs)


@final
class ReACGAN(LatentGAN):
    """Rebooted ACGAN (Kang et al., 2021): a loss between embeddings of length 1 in place of the cross-entropy.

    The cross-entropy of ACGAN has large gradients early, in proportion to the norm of the features, and loses variety;
    the data-to-data cross-entropy has neither, and compares images with each other as well. With the hinge loss and
    spectral normalization in D, as in the paper.

    Args:
        generator: maps noise and labels to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        auxiliary: the data-to-data cross-entropy.
        constraint: spectral normalization of the discriminator, in place of which another constraint may be given.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(SNGANResNetGenerator, conditional=True),
        discriminator: Discriminator = default(SNGANResNetDiscriminator),
        objective: Objective = default(Hinge),
        auxiliary: AuxiliaryLoss | None = default(DataToData),
        constraint: WeightConstraint | None = default(SpectralNorm),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, auxiliary=auxiliary, constraint=constraint, **kwargs)
