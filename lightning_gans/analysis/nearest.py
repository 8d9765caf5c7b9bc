"""The nearest training images: is a generator's image a copy?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.metrics.neighbours import distances


class Nearest(NamedTuple):
    """The nearest rows of a set, from the nearest to the farthest.

    Attributes:
        distances: (N, k) float64.
        indices: (N, k) int64, rows of the set.
    """

    distances: Tensor
    indices: Tensor


def nearest(queries: Tensor, batches: Iterable[Tensor], k: int) -> Nearest:
    """The k nearest rows of a set to each query, by Euclidean distance, exactly.

    The set is looked through once, batch after batch, and never in memory as a whole.

    Args:
        queries: features (N, D).
        batches: features (M, D) of the set, in order; at least k rows in all.
        k: how many, at least 1.
    """
    near = queries.new_empty(len(queries), 0, dtype=torch.float64)
    indices = torch.empty_like(near, dtype=torch.long)
    first = 0
    for batch in batches:
        nearer, places = distances(queries, batch).topk(min(k, len(batch)), dim=1, largest=False)
        origins = torch.cat([indices, places + first], dim=1)
        near, order = torch.cat([near, nearer], dim=1).sort(dim=1, stable=True)
        near, indices = near[:, :k], origins.gather(1, order[:, :k])
        first += len(batch)
    return Nearest(near, indices)


def memorisation(samples: Tensor, held_out: Tensor) -> dict[str, float]:
    """Whether generated images are nearer to the training images than new real images are.

    Args:
        samples: (N,) distances of generated images to their nearest training image.
        held_out: (M,) the same of real images that were not trained on.

    Returns:
        - ``median_sample`` and ``median_held_out``: the median distances.
        - ``nearest_ratio``: the first over the second. About 1: as far as new real images are; near 0: copies; above 1:
          farther from all real images than these are from each other.
        - ``copied_share``: share of the samples that are at least as near as the nearest hundredth of ``held_out``.
        - ``copied_share_expected``: what it is on average if samples and held-out images are from one distribution,
          with j the number in the nearest hundredth: j / (M + 1).
    """
    ours, theirs = samples.double().quantile(0.5), held_out.double().quantile(0.5)
    rank = max(1, len(held_out) // 100)
    near = held_out.kthvalue(rank).values
    return {
        "median_sample": float(ours),
        "median_held_out": float(theirs),
        "nearest_ratio": float(ours / theirs),
        "copied_share": float((samples <= near).double().mean()),
        "copied_share_expected": rank / (len(held_out) + 1),
    }
