"""LSGAN."""

from __future__ import annotations

from typing import Any, final

from torch import Tensor

from lightning_gans.components.losses import least_squares
from lightning_gans.families.latent import Critic, LatentGAN


@final
class LSGAN(LatentGAN):
    r"""Least squares GAN (Mao et al., 2017): D regresses b for real and a for generated images, G wants c.

    With :math:`b - c = 1` and :math:`b - a = 2`, such as (a, b, c) = (-1, 1, 0), the game minimises the Pearson
    :math:`\chi^2` divergence (section 3.2); the default 0-1-1 asks for what D calls real (section 3.3).

    Args:
        a: D's target for generated images.
        b: D's target for real images.
        c: what G wants D to say of generated images.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.a, self.b, self.c = a, b, c

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 E(D(x) - b)^2 + \frac12 E(D(G(z)) - a)^2` (eq. 2)."""
        return least_squares(critic(real), self.b) + least_squares(critic(fake), self.a)

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 E(D(G(z)) - c)^2` (eq. 2)."""
        return least_squares(critic(fake), self.c)
