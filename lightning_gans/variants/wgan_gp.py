"""WGAN-GP."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import Objective, Wasserstein
from lightning_gans.components.penalties import GradientPenalty, Penalty
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator
from lightning_gans.networks.layers import has_batch_norm


@final
class WGANGP(LatentGAN):
    r"""Wasserstein GAN with gradient penalty (Gulrajani et al., 2017): G minimizes a distance that a critic estimates.

    The critic's loss is :math:`E f(G(z)) - E f(x) + \lambda E(\|\nabla f(\hat x)\| - 1)^2` (eq. 3). The critic is
    updated in every batch, G in every ``n_critic``-th.

    Args:
        generator: maps noise to images.
        discriminator: the critic.
        objective: the adversarial losses.
        penalty: gradient penalty on the critic.
        n_critic: number of the critic's updates for each of the generator's.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if the critic has batch normalization: the penalty is on each image's own gradient (section 4).
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator, init="he"),
        discriminator: Discriminator = default(DCGANDiscriminator, batch_norm=False, init="he"),
        objective: Objective = default(Wasserstein),
        penalty: Penalty | None = default(GradientPenalty, weight=10.0),
        n_critic: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, penalty=penalty, n_critic=n_critic, **kwargs)
        if has_batch_norm(self.discriminator):
            raise ValueError(
                "discriminator has batch normalization, which couples the images of a batch, while the gradient "
                "penalty is on the gradient at each image; expected none (batch_norm=False)"
            )
