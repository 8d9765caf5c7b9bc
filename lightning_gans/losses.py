r"""Adversarial losses: pure functions on logits.

:math:`D(x) = \sigma(\text{logit})` throughout; the sigmoid is folded into the loss, so that nothing saturates in
floating point. Logits may have any shape; every loss is a mean over all of them, a float32 scalar.
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
