"""InfoGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.auxiliary import MutualInformation
from lightning_gans.components.noise import CodedNoise, Noise
from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.families.defaults import default, instantiate_default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, InfoGANDiscriminator, InfoGANGenerator


@final
class InfoGAN(LatentGAN):
    r"""Information maximizing GAN (Chen et al., 2016): parts of the latent vector mean something, without labels.

    :math:`\min_{G,Q} \max_D V(D, G) - \lambda L_I(G, Q)` (eq. 6): a head of D recovers the codes, which are the last
    entries of the latent vector, from the image. The latent vector remains one vector for everything else.

    Args:
        generator: maps latent vectors to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        noise: noise and codes.
        lambda_information: the weight :math:`\lambda` of the bound of the mutual information.
        lambda_continuous: factor of the part of the continuous codes on top of it.
        fixed_std: whether Q's normal distributions have a standard deviation of 1, as in the authors' code for MNIST.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if ``noise`` has no codes, or the latent vector is not longer than they are, or a weight is
            negative.
    """

    def __init__(
        self,
        generator: Generator = default(InfoGANGenerator, latent_dim=74),
        discriminator: Discriminator = default(InfoGANDiscriminator),
        objective: Objective = default(NonSaturating),
        noise: Noise = default(CodedNoise),
        lambda_information: float = 1.0,
        lambda_continuous: float = 1.0,
        fixed_std: bool = True,
        **kwargs: Any,
    ) -> None:
        noise = instantiate_default(noise)
        if not isinstance(noise, CodedNoise):
            raise ValueError(f"noise is {type(noise).__name__}, which has no codes; expected CodedNoise")
        information = MutualInformation(
            noise.categories, noise.continuous, lambda_information, lambda_continuous, fixed_std
        )
        super().__init__(generator, discriminator, objective, noise=noise, auxiliary=information, **kwargs)
        if self.generator.latent_dim <= noise.length:
            raise ValueError(
                f"generator.latent_dim is {self.generator.latent_dim}, but the codes have {noise.length} entries; "
                "expected more"
            )
