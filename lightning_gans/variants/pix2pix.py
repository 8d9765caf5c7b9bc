"""pix2pix."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Pair
from lightning_gans.core.data import PairData, data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.families.defaults import default
from lightning_gans.families.one_way import Direction, OneWayTranslation
from lightning_gans.families.translation import MakePatchDiscriminator
from lightning_gans.networks import PatchGAN, UNet
from lightning_gans.networks.base import MakeTranslator


@final
class Pix2Pix(OneWayTranslation):
    r"""pix2pix (Isola et al., 2017): a conditional GAN on pairs of images, with an L1 loss.

    :math:`G^* = \arg \min_G \max_D L_{cGAN}(G, D) + \lambda L_{L1}(G)` (eq. 4). D is given the source image and the
    target or translated image, and classifies patches. Its loss is halved to slow down its training (section 3.3).

    Args:
        generator: class of the generator.
        discriminator: class of the discriminator.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        lambda_l1: the weight :math:`\lambda` of the L1 loss, which is the mean over values in [-1, 1].
        objective: the adversarial losses.
        **kwargs: see :class:`.OneWayTranslation`.

    Raises:
        ValueError: if ``lambda_l1`` is negative.
    """

    def __init__(
        self,
        generator: MakeTranslator = UNet,
        discriminator: MakePatchDiscriminator = PatchGAN,
        direction: Direction = "a_to_b",
        lambda_l1: float = 100.0,
        objective: Objective = default(NonSaturating),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, direction, objective=objective, **kwargs)
        at_least("lambda_l1", lambda_l1, 0)
        self.lambda_l1 = lambda_l1
        self.discriminator = discriminator(self.channels_source + self.channels_target)

    def setup(self, stage: str) -> None:
        """Check that networks and data match, and that the data is paired.

        Raises:
            InputError: if they do not match, or the data is not paired.
        """
        super().setup(stage)
        data = data_module(self.trainer)
        if isinstance(data, PairData) and not data.paired:
            raise InputError(f"data is {type(data).__name__} without pairs, which Pix2Pix learns from; expected pairs")

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

    def logits(self, source: Tensor, images: Tensor) -> Tensor:
        """Logits (N, 1, h, w) of images (N, C, H, W), each concatenated with its source."""
        logits: Tensor = self.discriminator(torch.cat([source, images], dim=1))
        return logits

    def discriminator_loss(self, source: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 (-\log D(x, y) - \log(1 - D(x, G(x))))` (eq. 1, section 3.3), or half of another loss."""
        real_logits, fake_logits = self.logits(source, truth), self.logits(source, fake)
        self.log_scalar("logit/real", real_logits.mean())
        self.log_scalar("logit/fake", fake_logits.mean())
        return self.objective.discriminator_loss(real_logits, fake_logits) / 2

    def generator_loss(self, source: Tensor, truth: Tensor, fake: Tensor) -> Tensor:
        r""":math:`-\log D(x, G(x)) + \lambda |y - G(x)|_1` (eq. 4)."""
        adversarial = self.adversarial_loss(partial(self.logits, source), truth, fake)
        distance = F.l1_loss(fake, truth)
        self.log_scalar("loss/l1", distance)
        return adversarial + self.lambda_l1 * distance

    def translations(self, batch: Pair) -> EvaluationOutput:
        """Translated images of the target domain, with their sources and ground truth."""
        source, truth = self.source_and_target(batch)
        return {self.target_domain: EvaluationImages(truth, self(source), source=source, truth=truth)}
