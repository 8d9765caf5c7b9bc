"""Kernel distance between two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.image.kid import poly_kernel
from torchmetrics.utilities import dim_zero_cat

BLOCK = 1000
"""Rows of a kernel matrix that are in memory at one time."""


class KernelDistance(Metric):
    r"""``kid``: squared maximum mean discrepancy with the kernel :math:`k(x, y) = (x \cdot y / D + 1)^3`.

    The unbiased estimate from all pairs of images (Bińkowski et al., 2018, sections 3 and 4): its mean does not depend
    on how many images there are, as FID's does, and around a perfect match it may be negative. Features are kept in
    memory, so this is for the few thousand images or fewer where FID cannot be trusted.
    """

    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, real: bool) -> None:
        """Add features (N, D) of real or of generated images."""
        (self.real if real else self.fake).append(features.float())

    def compute(self) -> dict[str, Tensor]:
        """The score, a float64 scalar; NaN with fewer than two real or two generated images."""
        real, fake = dim_zero_cat(self.real), dim_zero_cat(self.fake)
        within = sum((kernel_sum(x, x, diagonal=False) / (len(x) * (len(x) - 1)) for x in (real, fake)), start=0.0)
        return {"kid": within - 2 * kernel_sum(real, fake) / (len(real) * len(fake))}


def kernel_sum(x: Tensor, y: Tensor, diagonal: bool = True) -> Tensor:
    """The sum of the kernel over all pairs of rows of (N, D) and (M, D), float64; without those of equal index."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for first, block in enumerate(torch.split(x, BLOCK)):
        kernel = poly_kernel(block.double(), y.double())
        total += kernel.sum()
        if not diagonal:
            total -= kernel.diagonal(first * BLOCK).sum()
    return total
