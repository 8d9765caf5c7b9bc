"""R3GAN."""

from __future__ import annotations

from typing import Any, final

import torch
from jsonargparse.typing import lazy_instance
from torch import Tensor

from lightning_gans.components.losses import relativistic
from lightning_gans.components.penalties import R1R2, Penalty
from lightning_gans.families.latent import Critic, LatentGAN


@final
class R3GAN(LatentGAN):
    r"""Regularised relativistic GAN (Huang et al., 2024): D compares a real with a generated image.

    :math:`\min_G \max_D E \log \sigma(D(x) - D(G(z)))` (eq. 2), and R1 and R2 on D. Judging pairs leaves no place in
    the landscape where G may drop a mode for good.

    Args:
        penalty: what keeps D flat around real and generated images.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        penalty: Penalty = lazy_instance(R1R2, weight=1.0),  # noqa: B008 (lazy until called)
        **kwargs: Any,
    ) -> None:
        super().__init__(penalty=penalty, **kwargs)

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log \sigma(D(x) - D(G(z)))`."""
        return relativistic(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log \sigma(D(G(z)) - D(x))`."""
        with torch.no_grad():
            reference = critic(real)
        return relativistic(critic(fake), reference)
