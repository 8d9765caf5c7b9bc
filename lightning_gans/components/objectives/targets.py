"""Objectives with smoothed labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives.standard import Objective, non_saturating


class SmoothedLabels(Objective):
    r"""Cross-entropy with smoothed labels for D, the non-saturating loss for G (Salimans et al., 2016, section 3.4).

    With labels :math:`\alpha` and :math:`\beta` the best D is
    :math:`(\alpha p + \beta q) / (p + q)`. The paper smooths the label of real images only: where p is near 0,
    :math:`\beta > 0` would reward generated images for staying where they are. :class:`.LeastSquares` has targets of
    its own, and :class:`.SmoothedHinge` smooths the hinge's margin.

    Args:
        real: label :math:`\alpha` of real images.
        fake: label :math:`\beta` of generated images.

    Raises:
        ValueError: if not 0 <= ``fake`` < ``real`` <= 1.
    """

    def __init__(self, real: float = 0.9, fake: float = 0.0) -> None:
        if not 0 <= fake < real <= 1:
            raise ValueError(f"fake is {fake} and real is {real}; expected 0 <= fake < real <= 1")
        self.real, self.fake = real, fake

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r"""The cross-entropies :math:`-\alpha \log D(x) - (1 - \alpha) \log(1 - D(x))`, likewise of G(z) with beta."""
        return cross_entropy(real_logits, self.real) + cross_entropy(fake_logits, self.fake)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`-E \log D(G(z))`."""
        return non_saturating(fake_logits)


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    r""":math:`E (-\text{label} \log D - (1 - \text{label}) \log(1 - D))`, a float32 scalar."""
    values = logits.float()
    return (F.softplus(values) - label * values).mean()
