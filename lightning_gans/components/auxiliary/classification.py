"""An auxiliary classifier of the data's classes (Odena et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.auxiliary.base import AuxiliaryLoss, Origin


class Classification(AuxiliaryLoss):
    r"""The discriminator also classifies images, and the generator wants its images to be classified as their label.

    D's term is the mean cross-entropy :math:`-E \log P(C = y | x)` on real images; with ``on_generated`` also that on
    generated ones, as in ACGAN (Odena et al., 2017, eq. 3). G's term is that on generated images. The classifier is a
    linear layer on the features that D's logit is a linear function of. Beside a projection discriminator it has a
    table of classes of its own, as in the dual projection of Han et al. (2021, section 3).

    For instance ``--model.auxiliary Classification --model.auxiliary.weight_g 0.1``. The larger G's weight, the fewer
    images near the border of two classes G makes: it may lose variety. Gulrajani et al. (2017, section 5.4) have a
    weight of 1 for D and, in their code, of .1 for G.

    Args:
        weight_d: factor of the term of the discriminator's loss, at least 0.
        weight_g: factor of the term of the generator's loss, at least 0.
        on_generated: whether D is trained to classify generated images as well.

    Raises:
        ValueError: if a weight is negative.
    """

    def __init__(self, weight_d: float = 1.0, weight_g: float = 1.0, on_generated: bool = False) -> None:
        super().__init__(weight_d, weight_g)
        self.on_generated = on_generated

    def make_head(self, features: int, num_classes: int) -> nn.Module:
        """A linear layer to the logits of the classes; see :meth:`.AuxiliaryLoss.make_head`."""
        layer = nn.Linear(features, num_classes)
        nn.init.normal_(layer.weight, 0.0, features**-0.5)
        nn.init.zeros_(layer.bias)
        return layer

    def discriminator_term(self, real: Tensor, fake: Tensor, origin: Origin) -> Tensor:
        """The cross-entropy on real images, and the sum with that on generated ones if D learns from them too.

        Args:
            real: logits of the classes (N, K) of the real images.
            fake: those of the generated images.
            origin: what the images were made from.
        """
        term = cross_entropy(real, origin.labels)
        return term + cross_entropy(fake, origin.labels) if self.on_generated else term

    def generator_term(self, fake: Tensor, origin: Origin) -> Tensor:
        """The cross-entropy on generated images.

        Args:
            fake: logits of the classes (N, K).
            origin: what the images were made from.
        """
        return cross_entropy(fake, origin.labels)

    def scalars(self, real: Tensor, fake: Tensor, origin: Origin) -> dict[str, Tensor]:
        """The shares of real and of generated images that are classified as their label."""
        return {f"accuracy/{name}": accuracy(each, origin.labels) for name, each in (("real", real), ("fake", fake))}


def cross_entropy(class_logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of minus the logarithm of the probability of the label, a float32 scalar.

    Args:
        class_logits: (N, K).
        labels: (N,) int64.
    """
    return F.cross_entropy(class_logits.float(), labels)


def accuracy(class_logits: Tensor, labels: Tensor) -> Tensor:
    """The share of images whose label has the highest logit, a scalar in [0, 1]."""
    return (class_logits.argmax(dim=1) == labels).to(torch.float32).mean()
