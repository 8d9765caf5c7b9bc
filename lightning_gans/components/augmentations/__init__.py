"""Differentiable augmentations of the images that D is given, chosen for any latent variant by class path.

For instance ``--model.augmentation DiffAugment --model.augmentation.color false``. Real and
generated images are augmented alike, in D's step and in G's, so that G does not learn to generate augmented images. D
never gets the same image twice, and so overfits a small data set less.
"""

from lightning_gans.components.augmentations.ada import ADA
from lightning_gans.components.augmentations.base import Augmentation
from lightning_gans.components.augmentations.diff_augment import DiffAugment, cut_out, jitter_color, translate
from lightning_gans.components.augmentations.instance_noise import InstanceNoise

__all__ = ["ADA", "Augmentation", "DiffAugment", "InstanceNoise", "cut_out", "jitter_color", "translate"]
