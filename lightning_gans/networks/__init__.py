"""Generators, translators and discriminators, chosen by class path."""

from lightning_gans.networks.base import Discriminator, Generator, IdentityTranslator, PatchDiscriminator, Translator
from lightning_gans.networks.conditional_dcgan import ConditionalDCGANDiscriminator, ConditionalDCGANGenerator
from lightning_gans.networks.conditional_infogan import ConditionalInfoGANDiscriminator, ConditionalInfoGANGenerator
from lightning_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lightning_gans.networks.infogan import InfoGANDiscriminator, InfoGANGenerator
from lightning_gans.networks.lsgan import LSGANDiscriminator, LSGANGenerator
from lightning_gans.networks.maxout import ConditionalMaxoutDiscriminator, MaxoutDiscriminator
from lightning_gans.networks.mlp import (
    ConditionalMLPDiscriminator,
    ConditionalMLPGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from lightning_gans.networks.patchgan import PatchGAN, PixelGAN
from lightning_gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from lightning_gans.networks.resize import ResizeGenerator
from lightning_gans.networks.resnet_translator import ResNetTranslator
from lightning_gans.networks.sngan import SNGANDiscriminator, SNGANGenerator
from lightning_gans.networks.unet import UNet

__all__ = [
    "ConditionalDCGANDiscriminator",
    "ConditionalDCGANGenerator",
    "ConditionalInfoGANDiscriminator",
    "ConditionalInfoGANGenerator",
    "ConditionalMLPDiscriminator",
    "ConditionalMLPGenerator",
    "ConditionalMaxoutDiscriminator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "IdentityTranslator",
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "LSGANDiscriminator",
    "LSGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "MaxoutDiscriminator",
    "PatchDiscriminator",
    "PatchGAN",
    "PixelGAN",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetTranslator",
    "ResizeGenerator",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "Translator",
    "UNet",
]
