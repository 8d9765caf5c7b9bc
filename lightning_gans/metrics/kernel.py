"""Kernel distance between two sets of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics.image.kid import poly_kernel

from lightning_gans.metrics.kept import FeatureSetMetric

BLOCK = 1000
"""Rows of a kernel matrix that are in memory at one time."""

NORMAL_95 = 1.96
"""Standard errors on either side that hold 95 % of a normal distribution."""


class KernelDistance(FeatureSetMetric):
    r"""``kid``: squared maximum mean discrepancy with the kernel :math:`k(x, y) = (x \cdot y / D + 1)^3`.

    The unbiased estimate from all pairs of images (Bińkowski et al., 2018, sections 3 and 4): its mean does not depend
    on how many images there are, as FID's does, and around a perfect match it may be negative. Features are kept in
    memory.

    ``kid_ci95`` is half the width of the 95 % confidence interval, ``kid`` ± ``kid_ci95``: 1.96 standard errors, by
    the jackknife over both sets of images (Arvesen, 1969). All values with one image left out follow from the sums of
    the kernel's rows, so that nothing is drawn at random. It says how far another draw of images would move the score,
    not how far another seed's training would.

    Args:
        num_features: length D of a feature vector.
    """

    def compute(self) -> dict[str, Tensor]:
        """Both scores, float64 scalars; NaN with fewer than two, for the interval three, real or generated images."""
        real, fake = self.gathered(real=True), self.gathered(real=False)
        n, m = len(real), len(fake)
        across = kernel_sums(real, fake)
        total = across[0].sum()
        kid, variance = -2 * total / (n * m), torch.zeros_like(total)
        for features, sums, others in ((real, across[0], m), (fake, across[1], n)):
            size = len(features)
            within = kernel_sums(features, features)[0] - diagonal(features)
            kid = kid + within.sum() / (size * (size - 1) or math.nan)
            # What the estimate would be, but for a constant, without each of these images.
            one_less = (within.sum() - 2 * within) / ((size - 1) * (size - 2) or math.nan)
            variance = variance + jackknife_variance(one_less - 2 * (total - sums) / ((size - 1) * others or math.nan))
        return {"kid": kid, "kid_ci95": NORMAL_95 * variance.sqrt()}


def jackknife_variance(values: Tensor) -> Tensor:
    """The variance of an estimate from its values (N,), each with another one of N images left out."""
    return (len(values) - 1) * (values - values.mean()).square().mean()


def diagonal(x: Tensor) -> Tensor:
    """The kernel (N,), float64, of each row of (N, D) with itself."""
    return (x.double().square().sum(dim=1) / x.shape[1] + 1) ** 3


def kernel_sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The sums, float64, of the kernel of (N, D) with (M, D) over each row (N,) and over each column (M,)."""
    columns = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    rows = []
    for block in torch.split(x, BLOCK):
        kernel = poly_kernel(block.double(), y.double())
        rows.append(kernel.sum(dim=1))
        columns += kernel.sum(dim=0)
    return torch.cat(rows), columns
