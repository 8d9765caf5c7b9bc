"""Generators and discriminators, chosen by class path."""

from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator

__all__ = ["DCGANDiscriminator", "DCGANGenerator", "Discriminator", "Generator"]
