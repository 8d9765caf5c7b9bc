"""StyleGAN2."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.generator_penalties import GeneratorPenalty, PathLength
from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.components.penalties import R1, Penalty
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, Generator, StyleGAN2Discriminator, StyleGAN2Generator


@final
class StyleGAN2(LatentGAN):
    r"""StyleGAN2 (Karras et al., 2020): each layer of G is modulated by a style w, to which z is mapped first.

    The game of GAN with the non-saturating loss for G; R1 on D in every 16th update (appendix B), and path length
    regularization on G in every 4th:

    :math:`E_{w, y} (\|J_w^T y\| - a)^2` (eq. 4).

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        penalty: gradient penalty on D.
        generator_penalty: penalty on G.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(StyleGAN2Generator),
        discriminator: Discriminator = default(StyleGAN2Discriminator),
        objective: Objective = default(NonSaturating),
        penalty: Penalty | None = default(R1, weight=10.0, interval=16),
        generator_penalty: GeneratorPenalty | None = default(PathLength),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            generator, discriminator, objective, penalty=penalty, generator_penalty=generator_penalty, **kwargs
        )
