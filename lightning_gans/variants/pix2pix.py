"""pix2pix."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Pair
from lightning_gans.core.errors import at_least
from lightning_gans.families.defaults import default
from lightning_gans.families.one_way import Direction, PairedTranslation
from lightning_gans.families.translation import MakePatchDiscriminator
from lightning_gans.networks import PatchGAN, UNet
from lightning_gans.networks.base import MakeTranslator
from lightning_gans.networks.layered import LayeredPatchDiscriminator, PatchJudgment, feature_distance, judge_patches
from lightning_gans.networks.perceptual import PerceptualLoss


@final
class Pix2Pix(PairedTranslation):
    r"""pix2pix (Isola et al., 2017): a conditional GAN on pairs of images, with an L1 loss.

    :math:`G^* = \arg \min_G \max_D L_{cGAN}(G, D) + \lambda L_{L1}(G)` (eq. 4). D is given the source image and the
    target or translated image, and classifies patches. Its loss is halved to slow down its training (section 3.3).

    Two terms of pix2pixHD (Wang et al., 2018) make translations sharper, both off by default: feature matching and a
    perceptual loss. With :class:`.MultiScalePatchGAN` as the discriminator the losses of all scales are added up
    (eq. 3). The discriminator is updated first, so that features are those of the updated one; pix2pixHD's code uses
    those from before the update.

    Args:
        generator: class of the generator.
        discriminator: class of the discriminator.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        lambda_l1: the weight :math:`\lambda` of the L1 loss, which is the mean over values in [-1, 1].
        lambda_features: the weight of feature matching (Wang et al., 2018, eq. 4 and 5): the distance of a translation
            from the true image in the features of the discriminator's layers; 10 in pix2pixHD, which has no L1 loss. 0
            leaves it out.
        perceptual: a distance in the features of a frozen network; None leaves it out.
        objective: the adversarial losses.
        **kwargs: see :class:`.OneWayTranslation`.

    Raises:
        ValueError: if a weight is negative, the discriminator returns no features for feature matching, or the
            perceptual loss is not defined for the images.
    """

    def __init__(
        self,
        generator: MakeTranslator = UNet,
        discriminator: MakePatchDiscriminator = PatchGAN,
        direction: Direction = "a_to_b",
        lambda_l1: float = 100.0,
        lambda_features: float = 0.0,
        perceptual: PerceptualLoss | None = None,
        objective: Objective = default(NonSaturating),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, direction, objective=objective, **kwargs)
        at_least("lambda_l1", lambda_l1, 0)
        at_least("lambda_features", lambda_features, 0)
        self.lambda_l1, self.lambda_features = lambda_l1, lambda_features
        self.discriminator = discriminator(self.channels_source + self.channels_target)
        if lambda_features and not isinstance(self.discriminator, LayeredPatchDiscriminator):
            raise ValueError(
                f"lambda_features is {lambda_features}, but the discriminator is {type(self.discriminator).__name__}, "
                "which returns no features; expected 0, or a discriminator that does, such as MultiScalePatchGAN"
            )
        self.perceptual = perceptual
        if perceptual is not None:
            perceptual.check_images(self.channels_target, self.size)

    def adversarial_step(self, batch: Pair) -> None:
        """Update the discriminator, then the generator, with the same translated images."""
        source, truth = self.source_and_target(batch)
        with torch.set_grad_enabled(self.is_due("g")):
            fake = self.generator(source)
        self.optimize("d", self.discriminator_loss(source, truth, fake.detach()))
        if self.is_due("g"):
            with self.sides["d"].frozen():
                loss = self.generator_loss(source, truth, fake)
            self.optimize("g", loss)

    def judge(self, source: Tensor, images: Tensor) -> list[PatchJudgment]:
        """Logits and features of images (N, C, H, W), each concatenated with its source, at each scale."""
        return judge_patches(self.discriminator, torch.cat([source, images], dim=1))

    def discriminator_loss(self, source: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 (-\log D(x, y) - \log(1 - D(x, G(x))))` (eq. 1, section 3.3), or half of another loss."""
        return self.discriminator_objective(self.judge(source, truth), self.judge(source, fake))

    def generator_loss(self, source: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x, G(x)) + \lambda |y - G(x)|_1` (eq. 4), and the terms of pix2pixHD."""
        wanted = None
        if self.lambda_features or self.objective.generator_uses_real_logits:
            with torch.no_grad():
                wanted = self.judge(source, truth)
        judged = self.judge(source, fake)
        distance = F.l1_loss(fake, truth)
        self.log_scalar("loss/l1", distance)
        loss = self.generator_objective(judged, wanted) + self.lambda_l1 * distance
        if self.lambda_features and wanted is not None:
            matching = feature_distance(judged, wanted)
            self.log_scalar("loss/features", matching)
            loss = loss + self.lambda_features * matching
        if self.perceptual is not None:
            perceptual = self.perceptual(fake, truth)
            self.log_scalar("loss/perceptual", perceptual)
            loss = loss + self.perceptual.weight * perceptual
        return loss

    def translations(self, batch: Pair) -> EvaluationOutput:
        """Translated images of the target domain, with their sources and ground truth."""
        source, truth = self.source_and_target(batch)
        return {self.target_domain: EvaluationImages(truth, self(source), source=source, truth=truth)}
