"""What is logged about the discriminator's pass over real and generated images."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.components.augmentations import Augmentation


def pass_scalars(
    real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, augmentation: Augmentation | None = None
) -> dict[str, Tensor]:
    """The scalars that are logged about a pass, by key.

    Args:
        real: real images (N, C, H, W), before augmentation.
        fake: generated images (N, C, H, W), likewise.
        real_logits: logits of the real images, or of packs of them.
        fake_logits: logits of the generated images, likewise.
        augmentation: the augmentation of both, if there is one.
    """
    scalars = {"variance_ratio": variance_ratio(fake, real)} if len(real) > 1 else {}
    scalars |= {"logit/real": real_logits.float().mean(), "logit/fake": fake_logits.float().mean()}
    if augmentation is not None:
        scalars |= {f"augment/{name}": torch.tensor(value) for name, value in augmentation.scalars().items()}
    return scalars


def variance_ratio(fake: Tensor, real: Tensor) -> Tensor:
    """The variance of generated images (N, C, H, W) over that of real ones, both summed over pixels.

    It is 1 if both variances are equal, and 0 if all generated images of the batch are the same, as after a mode
    collapse.
    """
    return fake.float().var(dim=0).sum() / real.float().var(dim=0).sum()
