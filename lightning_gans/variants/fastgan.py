"""FastGAN."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.augmentations import Augmentation, DiffAugment
from lightning_gans.components.compat import compiled_call
from lightning_gans.components.objectives import Objective, SmoothedHinge
from lightning_gans.core.errors import at_least
from lightning_gans.core.precision import autocast_off
from lightning_gans.core.randomness import derive_seed
from lightning_gans.families.defaults import default, instantiate_default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import Discriminator, FastGANDiscriminator, FastGANGenerator, Generator
from lightning_gans.networks.fastgan_discriminator import QUARTERS, Encoding


@final
class FastGAN(LatentGAN):
    r"""FastGAN (Liu et al., 2021): D also reconstructs real images, so that its features describe whole images.

    :math:`L_D = -E \min(0, -1 + D(x)) - E \min(0, -1 - D(G(z))) + \lambda L_{recons}` and :math:`L_G = -E D(G(z))`
    (eq. 3 and 4), where the margins 1 are drawn from [.8, 1] as in the authors' code, and all images are
    augmented. :math:`L_{recons} = E \|\mathcal G(f) - \mathcal T(x)\|` (eq. 2) is the sum over three decoders: the
    whole image from D's last feature map, the same from that of its branch for a smaller image, and a random quarter
    of the image from the feature map before the last.

    Deviations from the authors' code: the distance of the reconstructions is the mean absolute difference of pixels,
    theirs is LPIPS in the features of VGG-16, whose weights would have to be downloaded and which needs RGB; images of
    the steps of D and G are augmented anew, theirs once for both.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits; :class:`.FastGANDiscriminator` reconstructs images, too.
        objective: the adversarial losses.
        augmentation: augments the images that the discriminator is given, and reconstructs.
        lambda_reconstruction: the weight :math:`\lambda`; None for 8, as the authors' sum over a batch of 8 images, and
            for 0 with a discriminator that reconstructs nothing.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if ``lambda_reconstruction`` is negative, or positive for a discriminator that reconstructs nothing.
    """

    def __init__(
        self,
        generator: Generator = default(FastGANGenerator),
        discriminator: Discriminator = default(FastGANDiscriminator),
        objective: Objective = default(SmoothedHinge),
        augmentation: Augmentation | None = default(DiffAugment, cutout=0.0),
        lambda_reconstruction: float | None = None,
        **kwargs: Any,
    ) -> None:
        augmentation = instantiate_default(augmentation)
        super().__init__(generator, discriminator, objective, augmentation=augmentation, **kwargs)
        reconstructs = isinstance(self.discriminator, FastGANDiscriminator)
        if lambda_reconstruction is None:
            lambda_reconstruction = 8.0 if reconstructs else 0.0
        at_least("lambda_reconstruction", lambda_reconstruction, 0)
        if lambda_reconstruction and not reconstructs:
            raise ValueError(
                f"lambda_reconstruction is {lambda_reconstruction}, but the discriminator is "
                f"{type(self.discriminator).__name__}, which reconstructs nothing; expected 0, or FastGANDiscriminator"
            )
        self.lambda_reconstruction = lambda_reconstruction
        self._encoded: tuple[Tensor, Encoding] | None = None

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The objective's loss, a penalty if one is due, and the weighted reconstruction loss; a scalar."""
        loss = super().discriminator_loss(real, fake, labels)
        if self._encoded is None:
            return loss
        (images, encoding), self._encoded = self._encoded, None
        reconstruction = self.reconstruction_loss(images, encoding)
        self.log_scalar("loss/reconstruction", reconstruction)
        return loss + self.lambda_reconstruction * reconstruction

    def pair_logits(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """D's logits (N, K) of both, each from a pass of its own; that of the real images is kept for the decoders."""
        if not self.lambda_reconstruction:
            return super().pair_logits(real, fake, labels)
        if real.requires_grad or fake.requires_grad:  # for a penalty; see the family's differentiable_logits
            with autocast_off(real.device), torch.compiler.set_stance("force_eager"):
                return self._encode(real, labels), self.differentiable_logits(fake, labels)
        # As the family, for spectral normalization. The first stance of a process imports the compiler, for seconds.
        is_compiled = compiled_call(self.discriminator) is not None
        with torch.compiler.set_stance("force_eager") if is_compiled else nullcontext():
            return self._encode(real, labels), self.logits(fake, labels)

    def _encode(self, images: Tensor, labels: Tensor) -> Tensor:
        images = self.augmented(images)
        encoding: Encoding = self.discriminator(images, labels, encode=True)
        self._encoded = images.detach(), encoding
        return encoding.logits

    def reconstruction_loss(self, images: Tensor, encoding: Encoding) -> Tensor:
        r""":math:`L_{recons}`: the sum over three views of the mean absolute differences of pixels, a scalar.

        Args:
            images: augmented real images (N, C, H, W).
            encoding: what D has made of them.
        """
        assert isinstance(self.discriminator, FastGANDiscriminator)
        # The same for all images of a step and on all ranks, and without waiting for the device.
        part = derive_seed(self.run_seed, "part", self.global_step) % QUARTERS
        found, views = self.discriminator.reconstruct(encoding, part), self.discriminator.views(images, part)
        return torch.stack([F.l1_loss(a.float(), b.float()) for a, b in zip(found, views, strict=True)]).sum()
