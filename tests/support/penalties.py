"""A penalty's term for any function of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_gans.components.penalties import DiscriminatorPass, Penalty


def penalty_term(
    penalty: Penalty, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, step: int = 0
) -> Tensor:
    real, fake = penalty.leaves(real, fake, step)
    labels = torch.zeros(len(real), dtype=torch.long)
    given = DiscriminatorPass(real, fake, critic(real), critic(fake), labels, lambda images, _: critic(images), step)
    return penalty.term(given)
