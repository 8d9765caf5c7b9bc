"""Generators that the public code of pix2pix's, CycleGAN's and CUT's authors has saved become models of ours."""

from lightning_gans.inference.imported.generator import Imported, import_generators

__all__ = ["Imported", "import_generators"]
