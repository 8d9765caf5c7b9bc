r"""Adversarial losses: pure functions on logits.

:math:`D(x) = \sigma(\text{logit})` in the minimax losses; the sigmoid is folded into the loss, so that nothing
saturates in floating point. Where a paper's D has a linear output, it is the logit. Logits may have any shape; every
loss is a mean over all of them, a float32 scalar.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def minimax(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`-\log D(x) - \log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1), :math:`2 \log 2` at D = ½."""
    return F.softplus(-real_logits.float()).mean() + F.softplus(fake_logits.float()).mean()


def saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`\log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1): no gradient where D is sure of itself."""
    return -F.softplus(fake_logits.float()).mean()


def non_saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-\log D(G(z))` (Goodfellow et al., 2014, section 3): a strong gradient where D is sure."""
    return F.softplus(-fake_logits.float()).mean()


def least_squares(logits: Tensor, target: float) -> Tensor:
    r""":math:`\frac12 E (D - \text{target})^2` on D's linear output (Mao et al., 2017, eq. 2): no sigmoid anywhere."""
    return (logits.float() - target).square().mean() / 2


def wasserstein(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""The critic's loss :math:`E f(G(z)) - E f(x)` (Arjovsky et al., 2017, eq. 3): minus the distance's estimate."""
    return fake_logits.float().mean() - real_logits.float().mean()


def hinge(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))` (Miyato et al., 2018, eq. 16)."""
    return F.relu(1 - real_logits.float()).mean() + F.relu(1 + fake_logits.float()).mean()


def negative_mean_logit(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-E f(G(z))` (Arjovsky et al., 2017, section 3; Miyato et al., 2018, eq. 17)."""
    return -fake_logits.float().mean()


def relativistic(better_logits: Tensor, worse_logits: Tensor) -> Tensor:
    r""":math:`-E \log \sigma(D(\text{better}) - D(\text{worse}))`, images paired in order (Huang et al., 2024, eq. 2).

    D's loss takes the real images as the better ones, G's the generated ones; :math:`\log 2` where D cannot tell.
    """
    return F.softplus(worse_logits.float() - better_logits.float()).mean()
