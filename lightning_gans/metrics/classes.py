"""How generated images spread over the classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class ClassKL(Metric):
    r"""Kullback-Leibler divergence of the generated images' class histogram from the uniform one, in nats.

    :math:`\sum_k p_k \log (K p_k)`: 0 where all classes are equally frequent, :math:`\log K` where there is one only.

    Args:
        num_classes: number of classes K.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    counts: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, classes: Tensor) -> None:
        """Count predicted classes (N,), int64."""
        self.counts += torch.bincount(classes, minlength=len(self.counts))

    def compute(self) -> Tensor:
        """The divergence, a float64 scalar."""
        share = self.counts.double() / self.counts.sum()
        divergence: Tensor = torch.special.xlogy(share, share * len(share)).sum()
        return divergence
