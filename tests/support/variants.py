"""All variants and all objectives, and small networks for the variants of noise."""

from __future__ import annotations

from typing import Any

import torch

import lightning_gans.variants
from lightning_gans.components import objectives
from lightning_gans.components.objectives import Objective
from lightning_gans.families import Adversarial, LatentGAN, Translation
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, FastGANDiscriminator, FastGANGenerator
from lightning_gans.variants import CGAN, FastGAN

VARIANTS: list[type[Adversarial]] = [getattr(lightning_gans.variants, name) for name in lightning_gans.variants.__all__]
LATENT_VARIANTS = [variant for variant in VARIANTS if issubclass(variant, LatentGAN)]
TRANSLATION_VARIANTS = [variant for variant in VARIANTS if issubclass(variant, Translation)]

OBJECTIVES = [
    value
    for value in vars(objectives).values()
    if isinstance(value, type) and issubclass(value, Objective) and value is not Objective
]


def plain() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": DCGANDiscriminator(1, 28, width=2, batch_norm=False),
    }


def conditional() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2, num_classes=10, conditional=True),
        "discriminator": DCGANDiscriminator(1, 28, width=2, batch_norm=False, num_classes=10, conditional=True),
    }


def fastgan() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": FastGANGenerator(1, 28, latent_dim=3, width=1),
        "discriminator": FastGANDiscriminator(1, 28, width=1),
    }


def networks_for(variant: type[LatentGAN]) -> dict[str, Any]:
    if variant is FastGAN:
        return fastgan()
    return conditional() if variant is CGAN else plain()
