"""GAN."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from lightning_gans.components import losses
from lightning_gans.families.latent import Critic, LatentGAN


@final
class GAN(LatentGAN):
    r"""Generative adversarial network (Goodfellow et al., 2014): D tells real from generated, G deceives it.

    :math:`\min_G \max_D E \log D(x) + E \log(1 - D(G(z)))` (eq. 1). Where D tells the two apart well, as it does early
    on, the second term is flat and G learns little; so by default G ascends :math:`\log D(G(z))`, which has the same
    fixed point (section 3).

    Args:
        saturating: G descends :math:`\log(1 - D(G(z)))`, the minimax game itself.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(self, saturating: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.saturating = saturating

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x) - \log(1 - D(G(z)))`."""
        return losses.minimax(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(G(z))`, or :math:`\log(1 - D(G(z)))` if saturating."""
        return losses.saturating(critic(fake)) if self.saturating else losses.non_saturating(critic(fake))
