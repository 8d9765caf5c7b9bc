"""Abstract base classes of the variants: alternating training, and what variants of one kind share."""

from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.latent import LatentGAN
from lightning_gans.families.translation import Translation

__all__ = ["Adversarial", "LatentGAN", "Translation"]
