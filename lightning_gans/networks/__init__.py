"""Generators and discriminators, chosen by class path."""

from lightning_gans.networks.base import Discriminator, Generator
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
from lightning_gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from lightning_gans.networks.sngan import SNGANDiscriminator, SNGANGenerator

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
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "LSGANDiscriminator",
    "LSGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "MaxoutDiscriminator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "SNGANDiscriminator",
    "SNGANGenerator",
]
