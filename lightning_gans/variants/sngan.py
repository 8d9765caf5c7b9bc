"""SNGAN."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from lightning_gans.components.losses import hinge, negative_mean_logit
from lightning_gans.families.latent import Critic, LatentGAN
from lightning_gans.networks.layers import apply_spectral_norm


@final
class SNGAN(LatentGAN):
    """Spectrally normalised GAN (Miyato et al., 2018): each layer of D is divided by its largest singular value.

    The normalisation is put on whatever discriminator is given; the loss is the hinge (eq. 16, 17).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        apply_spectral_norm(self.discriminator)

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))`."""
        return hinge(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """:math:`-E D(G(z))`."""
        return negative_mean_logit(critic(fake))
