"""The patchwise contrastive loss of CUT (Park et al., 2020), an InfoNCE loss (van den Oord et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.core.randomness import shared_generator


def draw_places(count: int, places: int, device: torch.device) -> Tensor:
    """Draw places of a feature map without replacement, the same on all ranks.

    Args:
        count: number of positions of the feature map.
        places: how many to draw; all, in random order, if there are fewer positions.
        device: device of the places.

    Returns:
        Different integers (min(count, places),) int64 in [0, count).
    """
    return torch.randperm(count, device=device, generator=shared_generator(device))[:places]


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    r"""The contrastive loss of the places of one layer, for each image (eq. 3 and the terms of eq. 4).

    For a query :math:`v` the key of the same place is the positive :math:`v^+`, and those of the other places of the
    same image are the negatives :math:`v^-_n`:

    .. math:: \ell = -\log \frac{e^{v \cdot v^+ / \tau}}{e^{v \cdot v^+ / \tau} + \sum_n e^{v \cdot v^-_n / \tau}}

    It is 0 at best, and :math:`\log S` if the embeddings say nothing about the place. The paper has the sum over the
    places; as in the authors' code it is the mean here.

    Args:
        queries: embeddings (N, S, K) of S places of the translated images, of unit length.
        keys: embeddings (N, S, K) of the same places of the original images, of unit length.
        temperature: the number :math:`\tau` that similarities are divided by, positive.

    Returns:
        The mean over the places, (N,).
    """
    similarity = queries @ keys.transpose(1, 2) / temperature
    positive = similarity.diagonal(dim1=1, dim2=2)
    return (similarity.logsumexp(dim=2) - positive).mean(dim=1)
