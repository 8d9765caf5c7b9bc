"""GAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, MLPDiscriminator, MLPGenerator


@final
class GAN(LatentGAN):
    r"""Generative adversarial network (Goodfellow et al., 2014): D tells real from generated images.

    :math:`\min_G \max_D E \log D(x) + E \log(1 - D(G(z)))` (eq. 1). Where D tells the two apart well, as it does early
    in training, the second term is flat and G learns little. By default G therefore maximizes :math:`\log D(G(z))`,
    which has the same fixed point (section 3); ``--model.objective Saturating`` is the minimax game itself.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(MLPGenerator),
        discriminator: Discriminator = default(MLPDiscriminator),
        objective: Objective = default(NonSaturating),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, **kwargs)
