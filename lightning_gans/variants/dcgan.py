"""DCGAN."""

from __future__ import annotations

from typing import final

from torch import Tensor

from lightning_gans.components.losses import minimax, non_saturating
from lightning_gans.families.latent import Critic, LatentGAN


@final
class DCGAN(LatentGAN):
    """Deep convolutional GAN (Radford, Metz and Chintala, 2016): the original game, on convolutional networks.

    What is new stands in the networks, :class:`lightning_gans.networks.DCGANGenerator` and its discriminator. G's loss
    is the non-saturating one; :class:`GAN` has both.
    """

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x) - \log(1 - D(G(z)))`."""
        return minimax(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(G(z))`."""
        return non_saturating(critic(fake))
