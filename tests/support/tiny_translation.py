"""Small translators and data, so that a whole run takes a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lightning_gans.core.images import Size
from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.families.translation import MakePatchDiscriminator, Translation
from lightning_gans.networks import (
    EfficientNetPerceptualLoss,
    LatentTranslator,
    MultiScalePatchGAN,
    PatchGAN,
    ResNetLatentEncoder,
    ResNetTranslator,
)
from lightning_gans.networks.base import MakeTranslator, PatchDiscriminator, Translator
from lightning_gans.networks.latent_encoder import MakeLatentEncoder
from lightning_gans.networks.latent_translator import with_code
from lightning_gans.networks.layers import InstanceNorm
from lightning_gans.networks.norms import NoNorm
from lightning_gans.variants import CUT, BicycleGAN, CycleGAN, Pix2Pix
from tests.support.variants import TRANSLATION_VARIANTS

SIZE = 16


def tiny_translator(channels_in: int, channels_out: int, size: Size) -> Translator:
    return ResNetTranslator(channels_in, channels_out, size, blocks=1, width=2)


def tiny_patchgan(channels: int) -> PatchDiscriminator:
    return PatchGAN(channels, layers=1, width=2, norm=InstanceNorm)


def tiny_pix2pix(
    generator: MakeTranslator = tiny_translator, discriminator: MakePatchDiscriminator = tiny_patchgan, **kwargs: Any
) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(generator, discriminator, **{"channels_a": 3, "channels_b": 3, "size": SIZE, **kwargs})


def tiny_scales(channels: int) -> PatchDiscriminator:
    return MultiScalePatchGAN(channels, layers=1, width=2)


def tiny_sharp(discriminator: MakePatchDiscriminator = tiny_scales, **kwargs: Any) -> Pix2Pix:
    """pix2pix with pix2pixHD's discriminator and losses."""
    terms = {"lambda_features": 3.0, "perceptual": EfficientNetPerceptualLoss(0.5)}
    return tiny_pix2pix(discriminator=discriminator, **{**terms, **kwargs})


def tiny_cyclegan(
    generator: MakeTranslator = tiny_translator, discriminator: MakePatchDiscriminator = tiny_patchgan, **kwargs: Any
) -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(generator, discriminator, **{"channels_a": 3, "channels_b": 3, "size": SIZE, **kwargs})


def tiny_cut(
    generator: MakeTranslator = tiny_translator, discriminator: MakePatchDiscriminator = tiny_patchgan, **kwargs: Any
) -> CUT:
    """One with the terms of CUT and of FastCUT."""
    torch.manual_seed(0)
    small = {"flip_equivariance": True, "places": 8, "embedding_width": 16, "channels_a": 3, "channels_b": 3}
    return CUT(generator, discriminator, **{**small, "size": SIZE, **kwargs})


class TinyLatentTranslator(LatentTranslator):
    """A translator of images of 16 pixels with the latent code beside its input.

    It has no normalization: instance normalization would subtract what the code, the same in all places, adds.
    """

    def __init__(self, channels_in: int, channels_out: int, size: Size, latent_dim: int = 3) -> None:
        super().__init__(channels_in, channels_out, latent_dim)
        self.layers = ResNetTranslator(channels_in + latent_dim, channels_out, size, blocks=1, width=2, norm=NoNorm)

    def answer(self, images: Tensor, latent: Tensor) -> Tensor:
        answers: Tensor = self.layers(with_code(images, latent))
        return answers


def tiny_encoder(channels: int, size: Size, latent_dim: int) -> ResNetLatentEncoder:
    return ResNetLatentEncoder(channels, size, latent_dim, width=2)


def tiny_bicyclegan(
    generator: MakeTranslator = TinyLatentTranslator,
    discriminator: MakePatchDiscriminator = tiny_patchgan,
    encoder: MakeLatentEncoder = tiny_encoder,
    **kwargs: Any,
) -> BicycleGAN:
    torch.manual_seed(0)
    sizes = {"channels_a": 3, "channels_b": 3, "size": SIZE}
    return BicycleGAN(generator, encoder, discriminator, **{**sizes, **kwargs})


TINY: list[Callable[..., Translation]] = [
    globals()[f"tiny_{variant.__name__.lower()}"] for variant in TRANSLATION_VARIANTS
]
"""The functions above, one for each variant of the package."""


def tiny_facades(paired: bool = True, **kwargs: Any) -> SyntheticFacadesDataModule:
    sizes = {"size": SIZE, "train_size": 10, "val_size": 5, "test_size": 5, "batch_size": 2, "eval_batch_size": 2}
    return SyntheticFacadesDataModule(paired=paired, **{**sizes, **kwargs})
