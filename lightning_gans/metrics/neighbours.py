"""How two sets of features lie among each other's nearest neighbours."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_gans.core.errors import at_least
from lightning_gans.metrics.kept import FeatureSetMetric

BLOCK = 256
"""Rows of a distance matrix that are in memory at one time."""
TILE = 64
"""Columns of it that are computed at one time: 64 features of length 2048 stay in a core's cache, 1000 would not."""

SCORES = ("precision", "recall", "density", "coverage")


class Neighbours(FeatureSetMetric):
    r"""Precision, recall, density and coverage, from the balls that reach to the k-th nearest neighbour.

    Let :math:`x_1 \dots x_N` be the features of real images and :math:`y_1 \dots y_M` those of generated ones. Around
    each :math:`x_i` lies a ball with the radius :math:`r_i`, the Euclidean distance to the k-th nearest of the other
    :math:`x`, and around each :math:`y_j` one with :math:`s_j`, that to the k-th nearest of the other :math:`y`. Then,
    with :math:`d_{ij} = \lVert x_i - y_j \rVert` and :math:`[\cdot]` being 1 where the condition holds and 0 elsewhere:

    - ``precision``: :math:`\frac{1}{M} \sum_j [\exists i: d_{ij} \le r_i]`, the share of generated images that lie in
      the ball of at least one real image; from 0 to 1.
    - ``recall``: :math:`\frac{1}{N} \sum_i [\exists j: d_{ij} \le s_j]`, the share of real images that lie in the ball
      of at least one generated image; from 0 to 1.
    - ``density``: :math:`\frac{1}{kM} \sum_j \sum_i [d_{ij} \le r_i]`, in how many real balls a generated image lies,
      relative to k; from 0 to N / k, and 1 on average where both sets are from one continuous distribution.
    - ``coverage``: :math:`\frac{1}{N} \sum_i [\exists j: d_{ij} \le r_i]`, the share of real images with at least one
      generated image in their ball; from 0 to 1. Two sets from one continuous distribution have
      :math:`1 - \prod_{l=1}^k \frac{N - l}{N + M - l}` on average, for N = M and k = 5 about 0.97.

    Precision and recall are those of Kynkäänniemi et al., 2019, section 2, who take k = 3; density and coverage those
    of Naeem et al., 2020, section 3, who take k = 5. All scores depend on k, N and M: compare at equal ones only.

    A point on the border of a ball is inside, in all four, as in the first paper; the second one's published code has
    :math:`<` in place of :math:`\le`, which differs only where distances are equal. An image is not its own neighbour,
    but a copy of it is, at distance 0. So of images with k or more copies the ball has the radius 0 and holds the
    copies; and generated images that are the real ones, each once and none alike, have a density of (k + 1) / k.

    Features are kept in memory. For N = M it takes :math:`3 N^2 D` differences in float64: on one thread about 10 s
    for 10,000 images and D = 64, and 6 minutes for D = 2048. Beside the features it needs 256 rows of distances.

    Args:
        num_features: length D of a feature vector.
        k: which of the nearest neighbours a ball reaches to, at least 1.

    Raises:
        InputError: if ``k`` is less than 1.
    """

    def __init__(self, num_features: int, k: int = 5) -> None:
        at_least("k", k, 1)
        super().__init__(num_features)
        self.k = k

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars.

        All are NaN with k or fewer real images, or k or fewer generated ones: their balls have no radius then, and a
        validation on few images should not end the training.
        """
        real, fake = self.gathered(real=True), self.gathered(real=False)
        if min(len(real), len(fake)) <= self.k:
            return {name: torch.tensor(math.nan, dtype=torch.float64, device=self.device) for name in SCORES}
        real_radii, fake_radii = radii(real, self.k), radii(fake, self.k)
        balls = torch.zeros(len(fake), dtype=torch.long, device=fake.device)  # real ones that hold a generated image
        recalled, covered = torch.zeros_like(balls[0]), torch.zeros_like(balls[0])
        for block, reach in zip(torch.split(real, BLOCK), torch.split(real_radii, BLOCK), strict=True):
            between = distances(block, fake)
            held = between <= reach[:, None]
            balls += held.sum(dim=0)
            covered += held.any(dim=1).sum()
            recalled += (between <= fake_radii).any(dim=1).sum()
        return {
            "precision": (balls > 0).sum().double() / len(fake),
            "recall": recalled.double() / len(real),
            "density": balls.sum().double() / (self.k * len(fake)),
            "coverage": covered.double() / len(real),
        }


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances (N, M), float64, between rows of (N, D) and of (M, D).

    Sums of squared differences, not the faster :math:`|x|^2 + |y|^2 - 2 x y`: so the distance of copies is 0, that of y
    to x is that of x to y, and neither depends on the other rows. A neighbour is then on its ball's border exactly,
    wherever else its distance is computed again.
    """
    rows, between = x.double(), torch.empty(len(x), len(y), dtype=torch.float64, device=x.device)
    for tile, columns in zip(torch.split(y, TILE), torch.split(between, TILE, dim=1), strict=True):
        columns.copy_(torch.cdist(rows, tile.double(), compute_mode="donot_use_mm_for_euclid_dist"))
    return between


def radii(x: Tensor, k: int) -> Tensor:
    """Distances (N,), float64, of each row of (N, D) to its k-th nearest among the others, of which there must be k."""
    parts = []
    for first, block in enumerate(torch.split(x, BLOCK)):
        to_all = distances(block, x)
        # By index: a copy, at distance 0 as well, is a neighbour.
        to_all.diagonal(first * BLOCK).fill_(math.inf)
        parts.append(to_all.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(parts)
