"""What conditional networks need of labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def one_hot(labels: Tensor | None, num_classes: int, like: Tensor) -> Tensor:
    """Labels (N,) as rows (N, num_classes) with a single 1, in the type of ``like``.

    Rows of floats (N, num_classes) are shares of classes already, as on the way from one class to another.

    Raises:
        ValueError: if there are no labels.
    """
    if labels is None:
        raise ValueError(f"a network that is conditional on {num_classes} classes needs labels (N,); got None")
    return (labels if labels.is_floating_point() else F.one_hot(labels, num_classes)).to(like.dtype)


def beside(latent: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    """Z (N, latent_dim) and the one-hot labels side by side (N, latent_dim + num_classes)."""
    return torch.cat([latent, one_hot(labels, num_classes, latent)], dim=1)


def project(outputs: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    r"""Logits (N,) by projection of the label on D's features (Miyato and Koyama, 2018, eq. 3).

    Args:
        outputs: (N, 1 + num_classes), D's last layer on its features phi: :math:`w \cdot \phi(x)`, then
            :math:`v_k \cdot \phi(x)` for each class k. The logit is the first plus that of the label.
        labels: (N,), int64.
        num_classes: number of labels.
    """
    return outputs[:, 0] + (outputs[:, 1:] * one_hot(labels, num_classes, outputs)).sum(dim=1)
