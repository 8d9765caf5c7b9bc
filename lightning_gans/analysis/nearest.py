"""Nearest training images of generated images, to detect copies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.metrics.prdc import distances


class Nearest(NamedTuple):
    """The nearest rows of a set, sorted by increasing distance.

    Attributes:
        distances: (N, k) float64.
        indices: row numbers in the set, (N, k) int64.
    """

    distances: Tensor
    indices: Tensor


def nearest(queries: Tensor, batches: Iterable[Tensor], k: int) -> Nearest:
    """Find the k rows of a set that are nearest to each query, by exact Euclidean distance.

    The set is read once, batch by batch, and is never in memory as a whole.

    Args:
        queries: features (N, D).
        batches: features (M, D) of the set, in order; at least k rows in total.
        k: number of neighbours, at least 1.
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
    """Compare the distances of generated and of held-out real images to the training images.

    Args:
        samples: distances (N,) of generated images to their nearest training image.
        held_out: distances (M,) of real images that were not trained on to their nearest training image.

    Returns:
        - ``median_sample`` and ``median_held_out``: the median distances.
        - ``nearest_ratio``: ``median_sample / median_held_out``. About 1: samples are as far from the training images
          as new real images are; near 0: copies; above 1: samples are farther from the training images than real
          images are.
        - ``copied_share``: fraction of the samples that are at least as near as the nearest 1 % of ``held_out``.
        - ``copied_share_expected``: expected ``copied_share`` if samples and held-out images have one distribution:
          j / (M + 1), where j is the number of held-out images in the nearest 1 %.
    """
    median_sample, median_held_out = samples.double().quantile(0.5), held_out.double().quantile(0.5)
    rank = max(1, len(held_out) // 100)
    near = held_out.kthvalue(rank).values
    return {
        "median_sample": float(median_sample),
        "median_held_out": float(median_held_out),
        "nearest_ratio": float(median_sample / median_held_out),
        "copied_share": float((samples <= near).double().mean()),
        "copied_share_expected": rank / (len(held_out) + 1),
    }
