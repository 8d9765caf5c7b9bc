"""WGAN-GP."""

from __future__ import annotations

from typing import Any, final

from jsonargparse.typing import lazy_instance
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_gans.components.losses import negative_mean_logit, wasserstein
from lightning_gans.components.penalties import GradientPenalty, Penalty
from lightning_gans.core.errors import InputError
from lightning_gans.families.latent import Critic, LatentGAN


@final
class WGANGP(LatentGAN):
    r"""Wasserstein GAN with gradient penalty (Gulrajani et al., 2017): G descends the distance that a critic measures.

    The critic's loss is :math:`E f(G(z)) - E f(x) + \lambda E(\|\nabla f(\hat x)\| - 1)^2` (eq. 3). It takes
    ``n_critic`` steps for each of G's, here in as many batches.

    Args:
        penalty: what keeps the critic's slope near one.
        n_critic: the critic moves in every batch, the generator in every ``n_critic``-th.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        InputError: if the critic has batch normalisation: the penalty is on each image's own gradient (section 4).
    """

    def __init__(
        self,
        penalty: Penalty = lazy_instance(GradientPenalty, weight=10.0),  # noqa: B008 (lazy until called)
        n_critic: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(penalty=penalty, n_critic=n_critic, **kwargs)
        if any(isinstance(module, _BatchNorm) for module in self.discriminator.modules()):
            raise InputError(
                "model.discriminator has batch normalisation, which ties the images of a batch together, and WGAN-GP "
                "penalises the slope at each image; expected none (model.discriminator.batch_norm false)"
            )

    def discriminator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """:math:`E f(G(z)) - E f(x)`; the family adds the penalty."""
        return wasserstein(critic(real), critic(fake))

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """:math:`-E f(G(z))`."""
        return negative_mean_logit(critic(fake))
