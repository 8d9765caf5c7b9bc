"""How discriminator and generator alternate: abstract bases that variants finish."""

from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.latent import LatentGAN
from lightning_gans.families.translation import Translation

__all__ = ["Adversarial", "LatentGAN", "Translation"]
