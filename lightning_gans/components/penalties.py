"""Gradient penalties on the discriminator, added to any latent variant's loss by class path.

For instance ``--model.penalty R1 --model.penalty.weight 1``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import uniform_per_image


def squared_gradient_norms(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    r""":math:`\|\nabla_x D(x)\|^2` of each image (N,), differentiable, float32.

    Args:
        critic: images (N, C, H, W) to logits (N,).
        images: (N, C, H, W); their own history is left out.
    """
    images = images.detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(critic(images).float().sum(), images, create_graph=True)
    # Over all of an image's pixels and channels at once: a norm along one axis would be another penalty.
    return slopes.float().flatten(1).square().sum(dim=1)


class Penalty(ABC):
    """A term of D's loss that is applied lazily: every few steps, then stronger, so that its mean is the same.

    Args:
        weight: the papers' gamma or lambda.
        interval: number of steps from one application to the next (Karras et al., 2020, appendix B).

    Raises:
        InputError: if a number is out of range.
    """

    def __init__(self, weight: float = 1.0, interval: int = 1) -> None:
        at_least("model.penalty.weight", weight, 0)
        at_least("model.penalty.interval", interval, 1)
        self.weight = weight
        self.interval = interval

    def applies_at(self, step: int) -> bool:
        """Whether batch number ``step`` (from 0) has the term."""
        return step % self.interval == 0

    @property
    def effective_weight(self) -> float:
        """The weight of one application: that of all the steps it stands for."""
        return self.weight * self.interval

    @abstractmethod
    def term(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term, a scalar, from real and generated images (N, C, H, W)."""


class R1(Penalty):
    r"""Flat D around real images, :math:`\frac{\gamma}{2} E\|\nabla D(x)\|^2` (Mescheder et al., 2018, eq. 9)."""

    def term(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term on the real images."""
        return self.effective_weight / 2 * squared_gradient_norms(critic, real).mean()


class R2(Penalty):
    r"""Flat D around fake images, :math:`\frac{\gamma}{2} E\|\nabla D(G(z))\|^2` (Mescheder et al., 2018, eq. 10)."""

    def term(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term on the generated images."""
        return self.effective_weight / 2 * squared_gradient_norms(critic, fake).mean()


class R1R2(Penalty):
    """Flat D around real and generated images: R3GAN's pair of penalties (Huang et al., 2024, section 2.2)."""

    def term(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """Both terms."""
        return (
            self.effective_weight
            / 2
            * (squared_gradient_norms(critic, real).mean() + squared_gradient_norms(critic, fake).mean())
        )


class GradientPenalty(Penalty):
    r"""Slope one between real and generated images, :math:`\lambda E (\|\nabla D(\hat x)\| - 1)^2`.

    :math:`\hat x` lies on the line from a real to a generated image, at a place drawn for each pair
    (Gulrajani et al., 2017, eq. 3).
    """

    def term(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term on the line."""
        share = uniform_per_image(len(real), real.device).view(-1, 1, 1, 1)
        slopes = squared_gradient_norms(critic, real + share * (fake - real))
        # The root's derivative is infinite at 0, where a critic that ignores its input stands.
        return self.effective_weight * ((slopes + 1e-12).sqrt() - 1).square().mean()
