r"""Formulas of the adversarial losses: pure functions of logits, combined to pairs in :mod:`.objectives`.

In the minimax losses :math:`D(x) = \sigma(\text{logit})`; the sigmoid is part of the loss, which keeps it finite for
large logits. Where a paper's D has a linear output, the logit is that output. Logits may have any shape; every loss
is a mean over all of them, a float32 scalar.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def minimax(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`-\log D(x) - \log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1), :math:`2 \log 2` at D = ½."""
    return F.softplus(-real_logits.float()).mean() + F.softplus(fake_logits.float()).mean()


def saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`\log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1): flat where D(G(z)) is near 0."""
    return -F.softplus(fake_logits.float()).mean()


def non_saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-\log D(G(z))` (Goodfellow et al., 2014, section 3): its gradient is strongest there."""
    return F.softplus(-fake_logits.float()).mean()


def mean_squared_error(logits: Tensor, target: float) -> Tensor:
    r""":math:`E (D - \text{target})^2` on D's linear output (Mao et al., 2017, eq. 2, without its factor ½)."""
    return (logits.float() - target).square().mean()


def wasserstein(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""The critic's loss :math:`E f(G(z)) - E f(x)` (Arjovsky et al., 2017, eq. 3): minus the estimated distance."""
    return fake_logits.float().mean() - real_logits.float().mean()


def hinge(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))` (Miyato et al., 2018, eq. 16)."""
    return F.relu(1 - real_logits.float()).mean() + F.relu(1 + fake_logits.float()).mean()


def negative_mean_logit(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-E f(G(z))` (Arjovsky et al., 2017, section 3; Miyato et al., 2018, eq. 17)."""
    return -fake_logits.float().mean()


def relativistic(better_logits: Tensor, worse_logits: Tensor) -> Tensor:
    r""":math:`-E \log \sigma(D(\text{better}) - D(\text{worse}))`, images paired in order (Huang et al., 2024, eq. 2).

    D's loss takes the real images as the better ones, G's loss the generated ones; :math:`\log 2` where both logits are
    equal.
    """
    return F.softplus(worse_logits.float() - better_logits.float()).mean()
