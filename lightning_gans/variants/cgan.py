"""CGAN."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from lightning_gans.components.losses import minimax, non_saturating
from lightning_gans.core.errors import InputError
from lightning_gans.families.latent import Critic, LatentGAN


@final
class CGAN(LatentGAN):
    r"""Conditional GAN (Mirza and Osindero, 2014): both networks see the label y.

    :math:`\min_G \max_D E \log D(x|y) + E \log(1 - D(G(z|y)))` (eq. 2), G with the non-saturating loss. The family
    binds the batch's labels into both networks, so any other variant becomes conditional by conditional networks alone.

    Raises:
        InputError: if a network is not conditional.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for key, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            if not network.num_classes:
                raise InputError(
                    f"model.{key} is {type(network).__name__}, which ignores labels; expected a conditional network, "
                    "such as MLPGenerator and MLPDiscriminator with conditional true"
                )

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x|y) - \log(1 - D(G(z|y)))`."""
        return minimax(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(G(z|y))`."""
        return non_saturating(critic(fake))
