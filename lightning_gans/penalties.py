"""Gradient penalties on the discriminator, added to any latent variant's loss by class path.

For instance ``--model.penalty R1 --model.penalty.weight 1``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_gans.errors import at_least


def squared_slope(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    r"""Mean over images of :math:`\|\nabla_x D(x)\|^2`, a differentiable float32 scalar.

    Args:
        critic: images (N, C, H, W) to logits (N,).
        images: (N, C, H, W); their own history is left out.
    """
    images = images.detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(critic(images).float().sum(), images, create_graph=True)
    return slopes.float().flatten(1).square().sum(dim=1).mean()


class Penalty(ABC):
    """A term of D's loss that is applied lazily: every few steps, then stronger, so that its mean is the same.

    Args:
        weight: the papers' gamma.
        every: number of steps from one application to the next (Karras et al., 2020, appendix B).

    Raises:
        InputError: if a number is out of range.
    """

    def __init__(self, weight: float = 1.0, every: int = 1) -> None:
        at_least("model.penalty.weight", weight, 0)
        at_least("model.penalty.every", every, 1)
        self.weight = weight
        self.every = every

    def due(self, step: int) -> bool:
        """Whether batch number ``step`` (from 0) has the term."""
        return step % self.every == 0

    @abstractmethod
    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term, a scalar, from real and generated images (N, C, H, W)."""


class R1(Penalty):
    r"""Flat D around real images, :math:`\frac{\gamma}{2} E\|\nabla D(x)\|^2` (Mescheder et al., 2018, eq. 9)."""

    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term on the real images."""
        return self.weight * self.every / 2 * squared_slope(critic, real)


class R2(Penalty):
    r"""Flat D around fake images, :math:`\frac{\gamma}{2} E\|\nabla D(G(z))\|^2` (Mescheder et al., 2018, eq. 10)."""

    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The term on the generated images."""
        return self.weight * self.every / 2 * squared_slope(critic, fake)
