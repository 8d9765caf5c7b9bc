r"""f-GANs: D estimates an f-divergence of the data's and the generator's distribution (Nowozin et al., 2016).

For a convex f with f(1) = 0, conjugate :math:`f^*` and an output activation :math:`g_f`, the objective is
:math:`F = E\,g_f(V(x)) - E f^*(g_f(V(G(z))))` with the logit V (eq. 6 and 7). D maximizes it. Where D is optimal,
:math:`g_f(V(x)) = f'(p(x) / q(x))` and F is the divergence :math:`D_f(P \| Q) = \int q f(p / q)` (eq. 2 and 5).
Activations and conjugates are those of table 2.

Exponentials are continued as straight lines above 20, so that losses and gradients stay finite in float32.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives.standard import Objective

LARGEST_EXPONENT = 20.0


def exp(values: Tensor) -> Tensor:
    """The exponential up to 20, and its tangent at 20 above; float32, of the same shape."""
    values = values.float()
    bounded = values.clamp(max=LARGEST_EXPONENT)
    return bounded.exp() * (1 + values - bounded)


class FDivergence(Objective, ABC):
    r"""Base class of the objectives of f-GANs.

    Args:
        saturating: whether G minimizes the divergence, :math:`-E f^*(g_f(V(G(z))))` (algorithm 1), rather than
            :math:`-E g_f(V(G(z)))`, which the paper recommends (section 3.2): its gradient does not vanish where D is
            sure of itself. Both have the same minimum where D is optimal.
    """

    def __init__(self, saturating: bool = False) -> None:
        self.saturating = saturating

    @abstractmethod
    def activation(self, logits: Tensor) -> Tensor:
        """:math:`g_f(v)`, of the shape of ``logits``, in float32."""

    @abstractmethod
    def conjugate(self, logits: Tensor) -> Tensor:
        """:math:`f^*(g_f(v))`, of the shape of ``logits``, in float32."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """:math:`-F`, minus the estimated divergence."""
        return self.conjugate(fake_logits).mean() - self.activation(real_logits).mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`-E g_f(V(G(z)))`, or the divergence's part that depends on G if ``saturating``."""
        return -(self.conjugate if self.saturating else self.activation)(fake_logits).mean()


class KullbackLeibler(FDivergence):
    r""":math:`KL(P \| Q) = \int p \log(p / q)`; D's logit is 1 where both densities are equal.

    Args:
        saturating: see :class:`FDivergence`.
    """

    def activation(self, logits: Tensor) -> Tensor:
        """:math:`v`."""
        return logits.float()

    def conjugate(self, logits: Tensor) -> Tensor:
        """:math:`e^{v - 1}`."""
        return exp(logits.float() - 1)


class ReverseKullbackLeibler(FDivergence):
    r""":math:`KL(Q \| P) = \int q \log(q / p)`.

    Args:
        saturating: see :class:`FDivergence`.
    """

    def activation(self, logits: Tensor) -> Tensor:
        """:math:`-e^{-v}`."""
        return -exp(-logits)

    def conjugate(self, logits: Tensor) -> Tensor:
        r""":math:`-1 - \log(e^{-v}) = v - 1`."""
        return logits.float() - 1


class PearsonChiSquared(FDivergence):
    r""":math:`\chi^2(P \| Q) = \int (p - q)^2 / q`.

    Args:
        saturating: see :class:`FDivergence`.
    """

    def activation(self, logits: Tensor) -> Tensor:
        """:math:`v`."""
        return logits.float()

    def conjugate(self, logits: Tensor) -> Tensor:
        """:math:`v^2 / 4 + v`."""
        values = logits.float()
        return values.square() / 4 + values


class SquaredHellinger(FDivergence):
    r""":math:`\int (\sqrt p - \sqrt q)^2`.

    Args:
        saturating: see :class:`FDivergence`.
    """

    def activation(self, logits: Tensor) -> Tensor:
        """:math:`1 - e^{-v}`."""
        return 1 - exp(-logits)

    def conjugate(self, logits: Tensor) -> Tensor:
        """:math:`t / (1 - t) = e^v - 1` with :math:`t = 1 - e^{-v}`."""
        return exp(logits) - 1


class JensenShannon(FDivergence):
    r"""Twice the Jensen-Shannon divergence, :math:`\int p \log\frac{2p}{p + q} + q \log\frac{2q}{p + q}`.

    D's loss is that of :class:`.NonSaturating` minus :math:`2 \log 2`.

    Args:
        saturating: see :class:`FDivergence`.
    """

    def activation(self, logits: Tensor) -> Tensor:
        r""":math:`\log 2 - \log(1 + e^{-v})`."""
        return math.log(2) - F.softplus(-logits.float())

    def conjugate(self, logits: Tensor) -> Tensor:
        r""":math:`-\log(2 - e^t) = \log(1 + e^v) - \log 2`."""
        return F.softplus(logits.float()) - math.log(2)
