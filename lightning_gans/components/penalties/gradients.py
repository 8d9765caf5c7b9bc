"""Gradient penalties of single papers: DRAGAN and the Wasserstein divergence."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.components.penalties.standard import (
    DiscriminatorPass,
    Penalty,
    gradient_norms,
    images_between,
    squared_gradient_norms,
)
from lightning_gans.components.schedules import Schedule
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import uniform_per_image
from lightning_gans.distributed import all_reduce_mean


class DRAGAN(Penalty):
    r"""Gradient penalty around real images, :math:`\lambda E (\|\nabla D(x + \delta)\| - 1)^2` (Kodali et al., 2017).

    As in the authors' code, each image is moved by a random share of uniform noise in [0, ``spread`` s], where s is the
    standard deviation of all pixels of the batch, of all processes; the paper has normal noise. It takes
    a forward pass of its own.

    Args:
        weight: lambda; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.
        spread: largest noise in standard deviations of the pixels, at least 0.

    Raises:
        ValueError: if an argument is out of range.
    """

    uses_gradients = True

    def __init__(self, weight: float | Schedule = 10.0, interval: int = 1, spread: float = 0.5) -> None:
        super().__init__(weight, interval)
        at_least("spread", spread, 0)
        self.spread = spread

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        real = given.real.detach()
        mean, square = all_reduce_mean(torch.stack([real.mean(), real.square().mean()]))
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        noise = uniform_per_image(len(real), real.device, *real.shape[1:])
        images = images_between(real, real + self.spread * deviation * noise)
        norms = gradient_norms(given.discriminator(images, given.labels), images)
        return self.effective_weight(given) * (norms - 1).square().mean()


class WassersteinDivergence(Penalty):
    r"""Penalty of WGAN-div, :math:`k E \|\nabla f(\hat x)\|^p` (Wu et al., 2018), for :class:`.Wasserstein`.

    With it the critic's loss is minus the Wasserstein divergence, which needs no Lipschitz constraint.
    :math:`\hat x` is drawn uniformly on the line from a real to a generated image, for each pair. This takes a forward
    pass of its own.

    Args:
        weight: k, 2 in the paper; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.
        power: p, 6 in the paper; at least 2.

    Raises:
        ValueError: if an argument is out of range.
    """

    uses_gradients = True

    def __init__(self, weight: float | Schedule = 2.0, interval: int = 1, power: float = 6.0) -> None:
        super().__init__(weight, interval)
        at_least("power", power, 2)
        self.power = power

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        images = images_between(given.real, given.fake)
        squares = squared_gradient_norms(given.discriminator(images, given.labels), images)
        return self.effective_weight(given) * squares.pow(self.power / 2).mean()
