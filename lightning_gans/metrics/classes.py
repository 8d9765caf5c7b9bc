"""How generated images spread over the classes, and whether they are of the class that was asked for."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class Classes(Metric):
    r"""Scores of the classes that a classifier sees in generated images.

    - ``class_kl``: Kullback-Leibler divergence of the class histogram from the uniform one, in nats,
      :math:`\sum_k p_k \log (K p_k)`; 0 where all K classes are equally frequent, :math:`\log K` where there is one
      only. N images of a uniform distribution have about :math:`(K - 1) / 2N`.
    - ``modes``: number of classes with at least one image.
    - ``agreement``: share of images whose class is the one that was asked for; only where labels were given.

    Args:
        num_classes: number of classes K.
    """

    is_differentiable = False
    full_state_update = False
    counts: Tensor
    asked: Tensor
    agreed: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("asked", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("agreed", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, classes: Tensor, labels: Tensor | None = None) -> None:
        """Add images by their class (N,), int64, and the class that was asked for (N,)."""
        self.counts += torch.bincount(classes, minlength=len(self.counts))
        if labels is not None:
            self.asked += len(labels)
            self.agreed += (classes == labels).sum()

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars."""
        share = self.counts.double() / self.counts.sum()
        scores = {
            "class_kl": torch.special.xlogy(share, share * len(share)).sum(),
            "modes": (self.counts > 0).sum().double(),
        }
        if self.asked:
            scores["agreement"] = self.agreed.double() / self.asked
        return scores
