"""Distribution of generated images over classes, and whether they show the class that they are conditioned on."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric


class ClassHistogram(Metric):
    r"""Scores from the classes that a classifier assigns to generated images.

    - ``class_kl``: Kullback-Leibler divergence of the class histogram from the uniform one, in nats,
      :math:`\sum_k p_k \log (K p_k)`; 0 if all K classes are equally frequent, :math:`\log K` if only one occurs, or
      none. Its expectation for N images from a uniform distribution is about :math:`(K - 1) / 2N`.
    - ``modes``: number of classes with at least one image.
    - ``within_modes``: share of images that belong to a class; only if the classifier may put them in none.
    - ``label_accuracy``: share of images whose class is the label that they are conditioned on; only with labels.

    Args:
        num_classes: number of classes K.
        rejects: whether images may belong to no class.
    """

    is_differentiable = False
    full_state_update = False
    counts: Tensor
    num_outside: Tensor
    num_labels: Tensor
    num_correct: Tensor

    def __init__(self, num_classes: int, rejects: bool = False) -> None:
        super().__init__()
        self.rejects = rejects
        self.names = ("class_kl", "modes", *(("within_modes",) if rejects else ()), "label_accuracy")
        self.add_state("counts", torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("num_outside", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("num_labels", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("num_correct", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, classes: Tensor, labels: Tensor | None = None) -> None:
        """Add images by their assigned classes (N,), int64, and the labels (N,) that they are conditioned on.

        The class of an image that belongs to none is -1.
        """
        inside = classes >= 0
        self.counts += torch.bincount(classes[inside], minlength=len(self.counts))
        self.num_outside += (~inside).sum()
        if labels is not None:
            self.num_labels += len(labels)
            self.num_correct += (classes == labels).sum()

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars."""
        inside = self.counts.sum()
        shares = self.counts.double() / inside
        divergence = torch.special.xlogy(shares, shares * len(shares)).sum()
        scores = {
            "class_kl": torch.where(inside > 0, divergence, math.log(len(shares))),
            "modes": (self.counts > 0).sum().double(),
        }
        if self.rejects:
            scores["within_modes"] = inside.double() / (inside + self.num_outside)
        if self.num_labels:
            scores["label_accuracy"] = self.num_correct.double() / self.num_labels
        return scores
