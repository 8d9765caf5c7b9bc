"""WGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import Objective, Wasserstein
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator
from lightning_gans.networks.constraints import WeightClipping, WeightConstraint


@final
class WGAN(LatentGAN):
    """Wasserstein GAN (Arjovsky, Chintala and Bottou, 2017): a critic with clipped weights estimates a distance.

    The critic's loss is :math:`E f(G(z)) - E f(x)` (eq. 3), and after each update its weights are clipped to
    [-0.01, 0.01] (algorithm 1), so that its slope is bounded. It is updated in every batch, G in every ``n_critic``-th.
    The paper trains with RMSprop and a learning rate of 5e-5: with a momentum such as that of Adam, training with
    clipped weights becomes unstable (section 3). ``wgan/digits`` has it.

    Args:
        generator: maps noise to images.
        discriminator: the critic.
        objective: the adversarial losses.
        constraint: the constraint that bounds the critic's slope.
        n_critic: number of the critic's updates for each of the generator's.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator),
        discriminator: Discriminator = default(DCGANDiscriminator),
        objective: Objective = default(Wasserstein),
        constraint: WeightConstraint | None = default(WeightClipping),
        n_critic: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, constraint=constraint, n_critic=n_critic, **kwargs)
