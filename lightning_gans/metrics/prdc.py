"""Precision, recall, density and coverage from nearest neighbors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_gans.core.errors import at_least
from lightning_gans.metrics.features import FeatureSetMetric

BLOCK_ROWS = 256
"""Rows of a distance matrix that are in memory at a time."""
BLOCK_COLUMNS = 64
"""Columns that are computed at a time: 64 features of length 2048 fit into a core's cache, 1000 do not."""

PAIRS = 1024
"""Pairs whose distances are computed at a time."""
MANY = 64
"""Pairs per row, on average, from which all distances of a block are computed one by one, as for many copies."""

SCORES = ("precision", "recall", "density", "coverage")


class PRDC(FeatureSetMetric):
    r"""Precision, recall, density and coverage, from balls around features out to their k-th nearest neighbor.

    Let :math:`x_1 \dots x_N` be the features of real images and :math:`y_1 \dots y_M` those of generated ones. Around
    each :math:`x_i` lies a ball with the radius :math:`r_i`, the Euclidean distance to the k-th nearest of the other
    :math:`x`, and around each :math:`y_j` one with :math:`s_j`, that to the k-th nearest of the other :math:`y`. Then,
    with :math:`d_{ij} = \lVert x_i - y_j \rVert` and :math:`[\cdot]` being 1 where the condition holds and 0 elsewhere:

    - ``precision``: :math:`\frac{1}{M} \sum_j [\exists i: d_{ij} \le r_i]`, the share of generated images in the
      ball of at least one real image; from 0 to 1.
    - ``recall``: :math:`\frac{1}{N} \sum_i [\exists j: d_{ij} \le s_j]`, the share of real images in the ball of
      at least one generated image; from 0 to 1.
    - ``density``: :math:`\frac{1}{kM} \sum_j \sum_i [d_{ij} \le r_i]`, the mean number of real balls that contain a
      generated image, divided by k; from 0 to N / k, with expectation 1 for two samples of one continuous
      distribution.
    - ``coverage``: :math:`\frac{1}{N} \sum_i [\exists j: d_{ij} \le r_i]`, the share of real images with at least one
      generated image in their ball; from 0 to 1. The expectation for two samples of one continuous distribution is
      :math:`1 - \prod_{l=1}^k \frac{N - l}{N + M - l}`, for N = M and k = 5 about 0.97.

    Precision and recall are those of Kynkäänniemi et al., 2019, section 2, who use k = 3; density and coverage those
    of Naeem et al., 2020, section 3, who use k = 5. All scores depend on k, N and M: compare at equal values only.

    A point on the border of a ball counts as inside, for all four scores, as in the first paper; the second paper's
    published code has :math:`<` in place of :math:`\le`, which differs only if distances are equal. An image is not
    its own neighbor, but a copy of it is, at distance 0. The ball of an image with k or more copies therefore has
    radius 0 and contains the copies; generated images equal to the real ones, if these are all different, have a
    density of (k + 1) / k.

    Features are kept in memory. Squared distances are estimated by :math:`|x|^2 + |y|^2 - 2 x y` in float64. Only where
    the estimate does not decide which of two distances is larger, both are computed from differences, as
    :func:`distances` does, so the scores are those of :func:`distances`. 10,000 real and 10,000 generated images took
    4 s of one core for D = 64, 23 s for D = 1280 and 39 s for D = 2048 (random features, November 2026); images with
    many copies take longer. 256 rows of distances are in memory at a time.

    Args:
        num_features: length D of a feature vector.
        k: number of the nearest neighbor that defines a ball's radius, at least 1.

    Raises:
        ValueError: if ``k`` is less than 1.
    """

    names = SCORES

    def __init__(self, num_features: int, k: int = 5) -> None:
        at_least("k", k, 1)
        super().__init__(num_features)
        self.k = k

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars.

        All are NaN with k or fewer real or generated images, which have no k-th neighbor. This is not an error, as a
        validation on few images should not end the training.
        """
        real, fake = self.gathered(real=True), self.gathered(real=False)
        if min(len(real), len(fake)) <= self.k:
            return {name: torch.tensor(math.nan, dtype=torch.float64, device=self.device) for name in SCORES}
        real, fake = real.double(), fake.double()
        real_radii, fake_radii = radii(real, self.k), radii(fake, self.k)
        balls = torch.zeros(len(fake), dtype=torch.long, device=fake.device)  # real balls with each generated image
        recalled, covered = torch.zeros_like(balls[0]), torch.zeros_like(balls[0])
        for block, block_radii in zip(torch.split(real, BLOCK_ROWS), torch.split(real_radii, BLOCK_ROWS), strict=True):
            estimates, error = estimate_squares(block, fake)
            inside = are_within(block, fake, block_radii[:, None], estimates, error)
            balls += inside.sum(dim=0)
            covered += inside.any(dim=1).sum()
            recalled += are_within(block, fake, fake_radii[None], estimates, error).any(dim=1).sum()
        return {
            "precision": (balls > 0).sum().double() / len(fake),
            "recall": recalled.double() / len(real),
            "density": balls.sum().double() / (self.k * len(fake)),
            "coverage": covered.double() / len(real),
        }


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances (N, M), float64, between the rows of ``x`` (N, D) and ``y`` (M, D).

    Computed from squared differences, not by the faster :math:`|x|^2 + |y|^2 - 2 x y`: the distance of copies is then
    exactly 0, that of y to x equals that of x to y, and neither depends on the other rows. A neighbor therefore lies
    exactly on its ball's border, also if the distance is computed a second time.
    """
    rows, between = x.double(), torch.empty(len(x), len(y), dtype=torch.float64, device=x.device)
    for block, columns in zip(torch.split(y, BLOCK_COLUMNS), torch.split(between, BLOCK_COLUMNS, dim=1), strict=True):
        columns.copy_(torch.cdist(rows, block.double(), compute_mode="donot_use_mm_for_euclid_dist"))
    return between


def estimate_squares(x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """Estimate squared Euclidean distances by a product of matrices, which is much faster than differences.

    Args:
        x: (N, D), float64.
        y: (M, D), float64.

    Returns:
        The estimates (N, M), and a bound of the difference between an estimate and the square of what
        :func:`distances` returns.
    """
    lengths_x, lengths_y = x.square().sum(dim=1), y.square().sum(dim=1)
    estimates = torch.addmm(lengths_x[:, None] + lengths_y, x, y.T, alpha=-2)
    # Each sum over D terms, here and in `distances`, is off by at most D units in the last place of the longest.
    longest = torch.maximum(lengths_x.max(), lengths_y.max()).item()
    return estimates, 8 * (x.shape[1] + 8) * torch.finfo(x.dtype).eps * longest


def distances_where(x: Tensor, y: Tensor, wanted: Tensor) -> Tensor:
    """As :func:`distances`, but infinity where ``wanted`` (N, M) is False."""
    rows, columns = wanted.nonzero(as_tuple=True)
    if len(rows) > MANY * len(x):
        return distances(x, y).masked_fill(~wanted, math.inf)
    found = torch.full(wanted.shape, math.inf, dtype=torch.float64, device=x.device)
    for i, j in zip(torch.split(rows, PAIRS), torch.split(columns, PAIRS), strict=True):
        pairs = torch.cdist(x[i][:, None], y[j][:, None], compute_mode="donot_use_mm_for_euclid_dist")
        found[i, j] = pairs.flatten()
    return found


def are_within(x: Tensor, y: Tensor, radii: Tensor, estimates: Tensor, error: float) -> Tensor:
    """Whether distances between ``x`` (N, D) and ``y`` (M, D) are at most ``radii``; (N, M).

    Args:
        x: (N, D), float64.
        y: (M, D), float64.
        radii: (N, 1) or (1, M).
        estimates: of :func:`estimate_squares`, with their error.
        error: their error.
    """
    squares = radii.square()
    sure = estimates < squares - error
    undecided = (estimates <= squares + error) & ~sure
    return sure | (distances_where(x, y, undecided) <= radii) if undecided.any() else sure


def radii(x: Tensor, k: int) -> Tensor:
    """Distances (N,) of each row of ``x`` (N, D), float64, to its k-th nearest among the others; N must exceed k."""
    parts = []
    for first, block in enumerate(torch.split(x, BLOCK_ROWS)):
        estimates, error = estimate_squares(block, x)
        # By index, not by value: a copy has distance 0 as well, and is a neighbor.
        estimates.diagonal(first * BLOCK_ROWS).fill_(math.inf)
        nearest = estimates.topk(k, dim=1, largest=False).values[:, -1:]
        # Those that may be among the k nearest.
        to_others = distances_where(block, x, estimates <= nearest + 2 * error)
        parts.append(to_others.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(parts)
