"""R3GAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import Objective, Relativistic
from lightning_gans.components.penalties import R1R2, Penalty
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, R3GANDiscriminator, R3GANGenerator


@final
class R3GAN(LatentGAN):
    r"""Regularized relativistic GAN (Huang et al., 2024): D compares each real image with a generated one.

    :math:`\min_G \max_D E \log \sigma(D(x) - D(G(z)))` (eq. 2), with R1 and R2 on D.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        penalty: gradient penalty on D.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(R3GANGenerator),
        discriminator: Discriminator = default(R3GANDiscriminator),
        objective: Objective = default(Relativistic),
        penalty: Penalty | None = default(R1R2, weight=1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, penalty=penalty, **kwargs)
