"""CycleGAN."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.image_pool import ImagePool
from lightning_gans.components.objectives import LeastSquares, Objective
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Pair
from lightning_gans.core.errors import at_least
from lightning_gans.families.defaults import default
from lightning_gans.families.translation import MakePatchDiscriminator, Translation
from lightning_gans.networks import InstanceNormPatchGAN, ResNetTranslator
from lightning_gans.networks.base import MakeTranslator, PatchDiscriminator
from lightning_gans.networks.layered import judge_patches


@final
class CycleGAN(Translation):
    r"""CycleGAN (Zhu et al., 2017): translation between two domains without pairs of images.

    The generators G, from a to b, and F, from b to a, are trained with two discriminators and a cycle loss, by which F
    maps G(a) back to a, and G maps F(b) back to b:
    :math:`L_{GAN}(G, D_B) + L_{GAN}(F, D_A) + \lambda L_{cyc}(G, F)` (eq. 3). The generators are updated first. The
    discriminators are trained on a history of generated images, with half of their loss (section 4).

    Args:
        generator: class of both generators.
        discriminator: class of both discriminators.
        lambda_a: weight of the cycle loss a to b to a; the L1 losses are means over values in [-1, 1].
        lambda_b: weight of the cycle loss b to a to b.
        lambda_identity: weight of the identity losses, :math:`|G(b) - b|_1` and :math:`|F(a) - a|_1` (section 5.2),
            relative to the cycle weight of the same images: with 0.5 and a cycle weight of 10 it is 5.
        pool_size: number of generated images of each domain in the history; 0 turns it off.
        objective: the adversarial losses.
        **kwargs: see :class:`Translation`.

    Raises:
        ValueError: if a number is out of range, or the domains' channels differ while ``lambda_identity`` is not 0.
    """

    def __init__(
        self,
        generator: MakeTranslator = ResNetTranslator,
        discriminator: MakePatchDiscriminator = InstanceNormPatchGAN,
        lambda_a: float = 10.0,
        lambda_b: float = 10.0,
        lambda_identity: float = 0.5,
        pool_size: int = 50,
        objective: Objective = default(LeastSquares),
        **kwargs: Any,
    ) -> None:
        super().__init__(objective=objective, **kwargs)
        for key, weight in (("lambda_a", lambda_a), ("lambda_b", lambda_b), ("lambda_identity", lambda_identity)):
            at_least(key, weight, 0)
        at_least("pool_size", pool_size, 0)
        if lambda_identity and self.channels_a != self.channels_b:
            raise ValueError(
                f"lambda_identity is {lambda_identity}, but the domains have {self.channels_a} and "
                f"{self.channels_b} channels; expected 0, or equal channels"
            )
        self.lambda_a, self.lambda_b, self.lambda_identity = lambda_a, lambda_b, lambda_identity
        self.a_to_b = generator(self.channels_a, self.channels_b, self.size)
        self.b_to_a = generator(self.channels_b, self.channels_a, self.size)
        self.discriminator_a = discriminator(self.channels_a)
        self.discriminator_b = discriminator(self.channels_b)
        self.pool_a, self.pool_b = ImagePool(pool_size), ImagePool(pool_size)

    @property
    def generators(self) -> dict[str, nn.Module]:
        """The generators of both directions, by attribute name."""
        return {"a_to_b": self.a_to_b, "b_to_a": self.b_to_a}

    @property
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminators of both domains, by attribute name."""
        return {"discriminator_a": self.discriminator_a, "discriminator_b": self.discriminator_b}

    def adversarial_step(self, batch: Pair) -> None:
        """Update the generators, then the discriminators, with images from before the generators' update."""
        a, b = batch.a, batch.b
        with torch.set_grad_enabled(self.is_due("g")):
            fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        if self.is_due("g"):
            with self.sides["d"].frozen():
                loss = self.generators_loss(a, b, fake_a, fake_b)
            self.optimize("g", loss)
        loss_a = self.discriminator_loss("a", self.discriminator_a, a, self.pool_a(fake_a))
        loss_b = self.discriminator_loss("b", self.discriminator_b, b, self.pool_b(fake_b))
        self.optimize("d", loss_a + loss_b)

    def generators_loss(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """The sum of the adversarial, cycle and identity losses of both directions (eq. 3, section 5.2)."""
        adversarial = self.adversarial_loss(self.discriminator_b, b, fake_b)
        adversarial = adversarial + self.adversarial_loss(self.discriminator_a, a, fake_a)
        cycle_a, cycle_b = F.l1_loss(self.b_to_a(fake_b), a), F.l1_loss(self.a_to_b(fake_a), b)
        self.log_scalar("loss/cycle_a", cycle_a)
        self.log_scalar("loss/cycle_b", cycle_b)
        loss = adversarial + self.lambda_a * cycle_a + self.lambda_b * cycle_b
        if self.lambda_identity:
            same_a, same_b = F.l1_loss(self.b_to_a(a), a), F.l1_loss(self.a_to_b(b), b)
            loss = loss + self.lambda_identity * (self.lambda_a * same_a + self.lambda_b * same_b)
        return loss

    def discriminator_loss(self, domain: str, discriminator: PatchDiscriminator, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 (E(D(y) - 1)^2 + E D(G(x))^2)` (section 4), or half the loss of another objective."""
        judged = judge_patches(discriminator, real), judge_patches(discriminator, fake)
        return self.discriminator_objective(*judged, domain)

    def translations(self, batch: Pair) -> EvaluationOutput:
        """Translated images of both domains, with sources, cycled images and, for paired data, ground truth."""
        a, b = batch.a, batch.b
        fake_b, fake_a = self.translate("a_to_b", a), self.translate("b_to_a", b)
        back_a, back_b = self.translate("b_to_a", fake_b), self.translate("a_to_b", fake_a)
        return {
            "a": EvaluationImages(a, fake_a, source=b, truth=a if batch.aligned else None, cycled=back_b),
            "b": EvaluationImages(b, fake_b, source=a, truth=b if batch.aligned else None, cycled=back_a),
        }
