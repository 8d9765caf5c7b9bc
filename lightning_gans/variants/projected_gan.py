"""Projected GAN."""

from __future__ import annotations

from typing import Any, final

from lightning_gans.components.augmentations import Augmentation, DiffAugment
from lightning_gans.components.objectives import Hinge, Objective
from lightning_gans.families.defaults import default, instantiate_default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, FastGANGenerator, Generator, ProjectedDiscriminator


@final
class ProjectedGAN(LatentGAN):
    r"""Projected GAN (Sauer et al., 2021): D judges images in the features of a network that was trained on photos.

    :math:`\min_G \max_{D_l} \sum_l E \log D_l(P_l(x)) + E \log(1 - D_l(P_l(G(z))))` (eq. 2) with fixed projections
    :math:`P_l`, and the hinge loss in its place (section 4). The generator is FastGAN's, as the authors' code has it;
    D's images are augmented.

    Scores in the features of EfficientNet-Lite0, which are the default for photos, are biased in favor of this variant,
    since D judges in them: compare it with others in the features of another network, such as
    :class:`lightning_gans.metrics.InceptionFeatures`.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        augmentation: augments the images that the discriminator is given.
        **kwargs: see :class:`LatentGAN`.
    """

    def __init__(
        self,
        generator: Generator = default(FastGANGenerator, blocks="large", normalize_latent=True),
        discriminator: Discriminator = default(ProjectedDiscriminator),
        objective: Objective = default(Hinge),
        augmentation: Augmentation | None = default(DiffAugment, cutout=0.2),
        **kwargs: Any,
    ) -> None:
        augmentation = instantiate_default(augmentation)
        super().__init__(generator, discriminator, objective, augmentation=augmentation, **kwargs)
