"""CGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, MLPDiscriminator, MLPGenerator


@final
class CGAN(LatentGAN):
    r"""Conditional GAN (Mirza and Osindero, 2014): both networks get the label y.

    :math:`\min_G \max_D E \log D(x|y) + E \log(1 - D(G(z|y)))` (eq. 2), with the non-saturating loss for G. The family
    passes labels to the networks, so every variant of noise is conditional if its networks are.

    Args:
        generator: maps noise and labels to images.
        discriminator: maps images and labels to logits.
        objective: the adversarial losses.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if a network ignores labels.
    """

    def __init__(
        self,
        generator: Generator = default(MLPGenerator, conditional=True),
        discriminator: Discriminator = default(MLPDiscriminator, conditional=True),
        objective: Objective = default(NonSaturating),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, **kwargs)
        for key, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if not network.num_classes:
                raise ValueError(
                    f"{key} is {type(network).__name__}, which ignores labels; expected a conditional network, "
                    "such as MLPGenerator and MLPDiscriminator with conditional true"
                )
