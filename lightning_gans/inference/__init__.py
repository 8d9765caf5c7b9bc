"""Pretrained models for use without data, trainer or Lightning."""

from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.inference.loading import load
from lightning_gans.inference.model import PretrainedModel

__all__ = ["ImageTranslator", "LatentSampler", "PretrainedModel", "load"]
