"""Kernel Inception Distance between two sets of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics.image.kid import poly_kernel

from lightning_gans.metrics.features import FeatureSetMetric

BLOCK_ROWS = 1000
"""Rows of a kernel matrix that are in memory at a time."""

Z_95 = 1.96
"""Standard errors on either side of the mean that contain 95 % of a normal distribution."""


class KernelInceptionDistance(FeatureSetMetric):
    r"""``kid``: squared maximum mean discrepancy with the kernel :math:`k(x, y) = (s x \cdot y + 1)^3`, s = 1 / D.

    The unbiased estimate from all pairs of images (Bińkowski et al., 2018, sections 3 and 4). Unlike FID's, its
    expectation does not depend on the number of images; for a perfect match it may be negative. torchmetrics' class
    averages over random subsets instead. Features are kept in memory.

    ``kid_ci95`` is half the width of the 95 % confidence interval, ``kid`` ± ``kid_ci95``: 1.96 standard errors, by
    the jackknife over both sets of images (Arvesen, 1969). All values with one image left out follow from the sums of
    the kernel's rows, so that nothing is drawn at random. The interval covers the draw of the images, not the seed of
    the training.

    Args:
        num_features: length D of a feature vector.
        scale: the kernel's s; None for 1 / D, as in the paper.
    """

    names = ("kid", "kid_ci95")

    def __init__(self, num_features: int, scale: float | None = None) -> None:
        super().__init__(num_features)
        self.scale = 1 / num_features if scale is None else scale

    def compute(self) -> dict[str, Tensor]:
        """Both scores, float64 scalars.

        ``kid`` is NaN with fewer than two real or generated images, ``kid_ci95`` with fewer than three.
        """
        real, fake = self.gathered(real=True), self.gathered(real=False)
        n, m = len(real), len(fake)
        cross = kernel_sums(real, fake, self.scale)
        total = cross[0].sum()
        kid, variance = -2 * total / (n * m), torch.zeros_like(total)
        for features, sums, others in ((real, cross[0], m), (fake, cross[1], n)):
            size = len(features)
            within = kernel_sums(features, features, self.scale)[0] - diagonal(features, self.scale)
            kid = kid + within.sum() / (size * (size - 1) or math.nan)
            # The estimate without each of these images, up to a constant.
            leave_one_out = (within.sum() - 2 * within) / ((size - 1) * (size - 2) or math.nan)
            leave_one_out = leave_one_out - 2 * (total - sums) / ((size - 1) * others or math.nan)
            variance = variance + jackknife_variance(leave_one_out)
        return {"kid": kid, "kid_ci95": Z_95 * variance.sqrt()}


def jackknife_variance(values: Tensor) -> Tensor:
    """The variance of an estimate from its N values (N,), each computed without one of N images."""
    return (len(values) - 1) * (values - values.mean()).square().mean()


def diagonal(x: Tensor, scale: float) -> Tensor:
    """The kernel (N,), float64, of each row of ``x`` (N, D) with itself."""
    return (x.double().square().sum(dim=1) * scale + 1) ** 3


def kernel_sums(x: Tensor, y: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Sums of the kernel matrix of ``x`` (N, D) and ``y`` (M, D) over each row (N,) and each column (M,), float64."""
    columns = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    rows = []
    for block in torch.split(x, BLOCK_ROWS):
        kernel = poly_kernel(block.double(), y.double(), gamma=scale)
        rows.append(kernel.sum(dim=1))
        columns += kernel.sum(dim=0)
    return torch.cat(rows), columns
