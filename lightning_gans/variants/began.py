"""BEGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.noise import Noise, UniformNoise
from lightning_gans.components.objectives import BoundaryEquilibrium, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import AutoencoderDiscriminator, BEGANGenerator, Discriminator, Generator
from lightning_gans.variants.ebgan import check_autoencoder


@final
class BEGAN(LatentGAN):
    r"""Boundary equilibrium GAN (Berthelot, Schumm and Metz, 2017): autoencoders whose errors are kept at a ratio.

    :math:`L_D = U(x) - k_t U(G(z))` and :math:`L_G = U(G(z))` (section 3.4) with the mean absolute error U of the
    reconstruction; see :class:`.BoundaryEquilibrium` for :math:`k_t` and the measure of convergence. They are logged
    as ``equilibrium/k`` and ``equilibrium/measure``.

    Deviation from the paper: the networks have none of its optional improvements (section 3.5.1), which are residual
    connections that vanish during training, and the smallest map of a decoder as an input of all larger ones.

    Args:
        generator: maps noise to images.
        discriminator: an autoencoder.
        objective: the adversarial losses, on energies.
        noise: distribution of the latent vector, uniform on [-1, 1] in the paper.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if the discriminator is no autoencoder, the objective is not one on energies or differences of
            logits, or a penalty is on gradients of logits.
    """

    def __init__(
        self,
        generator: Generator = default(BEGANGenerator),
        discriminator: Discriminator = default(AutoencoderDiscriminator),
        objective: Objective = default(BoundaryEquilibrium),
        noise: Noise = default(UniformNoise),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, noise=noise, **kwargs)
        check_autoencoder(type(self), self.discriminator)
