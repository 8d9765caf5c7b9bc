"""All variants and all objectives, and small networks for the variants of noise."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
import torch
from _pytest.mark import ParameterSet

import lightning_gans.variants
from lightning_gans.components import objectives
from lightning_gans.components.noise import CodedNoise
from lightning_gans.components.objectives import Objective
from lightning_gans.families import Adversarial, LatentGAN, Translation
from lightning_gans.networks import (
    AutoencoderDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    FastGANDiscriminator,
    FastGANGenerator,
)
from lightning_gans.variants import ACGAN, BEGAN, CGAN, EBGAN, FastGAN, InfoGAN, ReACGAN, SemiSupervisedGAN

A = TypeVar("A")
B = TypeVar("B")

VARIANTS: list[type[Adversarial]] = [getattr(lightning_gans.variants, name) for name in lightning_gans.variants.__all__]
LATENT_VARIANTS = [variant for variant in VARIANTS if issubclass(variant, LatentGAN)]
ENERGY_VARIANTS = (BEGAN, EBGAN)
"""Those whose discriminator is an autoencoder."""
CLASSIFYING_VARIANTS = (ACGAN, ReACGAN)
"""Those whose discriminator classifies images and need not see the label."""
HEAD_VARIANTS = (*CLASSIFYING_VARIANTS, InfoGAN)
"""Those with an auxiliary loss."""
JUDGING_CLASSES = (*HEAD_VARIANTS, SemiSupervisedGAN)
"""Those whose discriminator returns more than one logit for an image."""
TRANSLATION_VARIANTS = [variant for variant in VARIANTS if issubclass(variant, Translation)]

OBJECTIVES = [
    value
    for value in vars(objectives).values()
    if isinstance(value, type) and issubclass(value, Objective) and not inspect.isabstract(value)
]
LOGIT_OBJECTIVES = [objective for objective in OBJECTIVES if objective.logits != "energies"]


def covering(first: Sequence[A], second: Sequence[B]) -> list[ParameterSet]:
    """All pairs for a test; those beyond a few in which each value is at least once are slow."""
    count = max(len(first), len(second))
    fast = {(i % len(first), i % len(second)) for i in range(count)}
    return [
        pytest.param(a, b, marks=() if (i, j) in fast else pytest.mark.slow)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
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


def autoencoder() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": AutoencoderDiscriminator(1, 28, width=2, code_dim=4),
    }


def coded() -> dict[str, Any]:
    """A latent vector of two entries, a code of two values and a continuous one."""
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 28, latent_dim=5, width=2)
    return {**plain(), "generator": generator, "noise": CodedNoise([2], 1)}


def networks_for(variant: type[LatentGAN]) -> dict[str, Any]:
    if variant in CLASSIFYING_VARIANTS:
        return {**plain(), "generator": conditional()["generator"]}
    if variant is InfoGAN:
        return coded()
    if variant is SemiSupervisedGAN:
        return {**plain(), "discriminator": conditional()["discriminator"], "labelled": 10}
    if variant is FastGAN:
        return fastgan()
    if variant in ENERGY_VARIANTS:
        return autoencoder()
    return conditional() if variant is CGAN else plain()
