"""Trained models ready for use, without data, trainer or Lightning."""

from lightning_gans.trained.base import Trained
from lightning_gans.trained.image_translator import ImageTranslator
from lightning_gans.trained.latent_sampler import LatentSampler
from lightning_gans.trained.reading import load

__all__ = ["ImageTranslator", "LatentSampler", "Trained", "load"]
