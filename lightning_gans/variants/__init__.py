"""One finished class per paper."""

from lightning_gans.variants.dcgan import DCGAN

__all__ = ["DCGAN"]
