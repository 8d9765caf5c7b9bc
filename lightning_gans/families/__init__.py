"""How discriminator and generator alternate: abstract bases that variants finish."""

from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.latent import LatentGAN

__all__ = ["Adversarial", "LatentGAN"]
