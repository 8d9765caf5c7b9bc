"""DCGAN."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from lightning_gans.families.latent import Critic, LatentGAN
from lightning_gans.losses import minimax, non_saturating, saturating


@final
class DCGAN(LatentGAN):
    r"""Deep convolutional GAN (Radford, Metz and Chintala, 2016): the original game, on convolutional networks.

    D ascends and G descends :math:`\log D(x) + \log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1); by default G
    ascends :math:`\log D(G(z))` in place of its half, for its stronger gradient early on.

    Args:
        saturating: G descends :math:`\log(1 - D(G(z)))`, the minimax game itself.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(self, saturating: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.saturating = saturating

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x) - \log(1 - D(G(z)))`."""
        return minimax(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(G(z))`, or :math:`\log(1 - D(G(z)))` if saturating."""
        return saturating(critic(fake)) if self.saturating else non_saturating(critic(fake))
