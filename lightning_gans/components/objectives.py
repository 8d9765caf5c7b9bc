"""What D descends and what G, for families whose papers leave the choice open; chosen by class path."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from lightning_gans.components import losses


class Objective(ABC):
    """A pair of losses on logits of any shape; each is a mean over all of them, a float32 scalar."""

    @abstractmethod
    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """What D descends."""

    @abstractmethod
    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """What G descends."""


class NonSaturating(Objective):
    """The original game with the non-saturating loss for G (Goodfellow et al., 2014)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`-\log D(y) - \log(1 - D(G(x)))`."""
        return losses.minimax(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        r""":math:`-\log D(G(x))`."""
        return losses.non_saturating(fake_logits)


class LeastSquares(Objective):
    """Least squares with targets 1 and 0, without LSGAN's factor ½: the weights of CycleGAN's losses count on that."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """:math:`E(D(y) - 1)^2 + E D(G(x))^2` (Zhu et al., 2017, section 4)."""
        return 2 * (losses.least_squares(real_logits, 1) + losses.least_squares(fake_logits, 0))

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """:math:`E(D(G(x)) - 1)^2`."""
        return 2 * losses.least_squares(fake_logits, 1)


class Hinge(Objective):
    """The hinge (Lim and Ye, 2017; Miyato et al., 2018)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E \max(0, 1 - D(y)) + E \max(0, 1 + D(G(x)))`."""
        return losses.hinge(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """:math:`-E D(G(x))`."""
        return losses.negative_mean_logit(fake_logits)
