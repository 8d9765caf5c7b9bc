"""EBGAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.generator_penalties import GeneratorPenalty
from lightning_gans.components.objectives import EnergyBased, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import AutoencoderDiscriminator, DCGANGenerator, Discriminator, Generator


@final
class EBGAN(LatentGAN):
    r"""Energy-based GAN (Zhao, Mathieu and LeCun, 2017): D is an autoencoder whose error is the energy of an image.

    :math:`L_D = U(x) + \max(0, m - U(G(z)))` and :math:`L_G = U(G(z))` (eq. 1 and 2) with the mean squared error U of
    the reconstruction. ``generator_penalty`` :class:`.PullingAway` makes it EBGAN-PT (section 2.4). The margin m has to
    be more than the energy of real images: D ignores generated images whose energy is above it.

    Deviations from the paper: the energy is a mean over pixels, so that a margin does not depend on the size of the
    images; the autoencoder is that of BEGAN.

    Args:
        generator: maps noise to images.
        discriminator: an autoencoder.
        objective: the adversarial losses, on energies.
        generator_penalty: a term of the generator's loss, such as :class:`.PullingAway`.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if the discriminator is no autoencoder, the objective is not one on energies or differences of
            logits, or a penalty is on gradients of logits.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator),
        discriminator: Discriminator = default(AutoencoderDiscriminator, power=2),
        objective: Objective = default(EnergyBased, margin=0.2),
        generator_penalty: GeneratorPenalty | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, generator_penalty=generator_penalty, **kwargs)
        check_autoencoder(type(self), self.discriminator)


def check_autoencoder(variant: type, discriminator: Discriminator) -> None:
    """Check that a discriminator gives energies.

    Raises:
        ValueError: if not.
    """
    if not discriminator.gives_energies:
        raise ValueError(
            f"discriminator is {type(discriminator).__name__}, whose logits are not errors of reconstruction; "
            f"{variant.__name__} expects an autoencoder, such as AutoencoderDiscriminator"
        )
