"""DCGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator


@final
class DCGAN(LatentGAN):
    """Deep convolutional GAN (Radford, Metz and Chintala, 2016): the losses of :class:`GAN`, convolutional networks.

    The paper trains with Adam, a learning rate of 2e-4 and beta1 = 0.5, as
    :class:`lightning_gans.components.optimizers.GANAdam` does by default (section 4). The networks follow the paper's
    guidelines (section 3); see :class:`lightning_gans.networks.DCGANGenerator`.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator),
        discriminator: Discriminator = default(DCGANDiscriminator),
        objective: Objective = default(NonSaturating),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, **kwargs)
