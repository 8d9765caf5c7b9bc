"""ADA's image-space filtering, additive noise and cutout (Karras et al., 2020, appendix B)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import Draw, sent
from lightning_gans.components.augmentations.resampling import reflected
from lightning_gans.core.randomness import normal_per_image

SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
"""Daubechies' least asymmetric wavelet with two vanishing moments: its low-pass filter, of norm 1."""

BANDS = 4
"""Frequency bands: up to an eighth of the highest frequency, from there to a quarter, to the half, and above."""

POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""The share of an image's power that is expected in each band."""

FILTER_STD, NOISE_STD, CUTOUT_SIZE = 1.0, 0.1, 0.5
"""The paper's standard deviations, of the binary logarithm of a factor and of the noise's, and side of the cutout."""


def draw_gains(draw: Draw) -> Tensor:
    """Draw the factors by which the frequency bands of images are multiplied: (N, 4)."""
    factors = [draw.choose(torch.exp2(draw.normal() * FILTER_STD), 1) for _ in range(BANDS)]
    return balanced(torch.stack(factors, dim=1))


def balanced(factors: Tensor) -> Tensor:
    """Factors (N, 4) of bands, each of which also changes the others so that the expected power of an image stays."""
    power = torch.tensor(POWER)
    # What remains of the power where the band's own share is multiplied by the square of its factor.
    scales = (1 - power + power * factors.square()).sqrt()
    return factors / scales.prod(dim=1, keepdim=True)


def amplify_bands(images: Tensor, gains: Tensor) -> Tensor:
    """Multiply the frequency bands of images by factors, first along rows, then along columns.

    Args:
        images: (N, C, H, W) float32.
        gains: factors (N, 4) on the CPU; where all of an image are 1, it remains as it is, up to rounding.

    Returns:
        (N, C, H, W); if all factors are 1, ``images``.
    """
    if (gains == 1).all():
        return images
    gains = sent(gains.to(images.dtype), images.device)
    vertical, horizontal = (
        torch.einsum("nb,bij->nij", gains, band_matrices(side, images.device).to(images.dtype))[:, None]
        for side in images.shape[2:]
    )
    return vertical @ (images @ horizontal.transpose(2, 3))


def draw_deviations(draw: Draw) -> Tensor:
    """Draw the standard deviations (N,) of the noise that is added to images."""
    return draw.choose(draw.normal().abs() * NOISE_STD, 0)


def add_noise(images: Tensor, deviations: Tensor) -> Tensor:
    """Add normal noise to images (N, C, H, W), with standard deviations (N,) on the CPU."""
    noise = normal_per_image(len(images), images.device, *images.shape[1:])
    return images + noise * sent(deviations, images.device).view(-1, 1, 1, 1)


def draw_rectangles(draw: Draw) -> tuple[Tensor, Tensor]:
    """Draw the sides (N,) of rectangles that are cut out, and their centers (N, 2), x and y, as shares of the sides."""
    size = draw.choose(torch.full((draw.count,), CUTOUT_SIZE), 0)
    return size, draw.uniform(2)


def cut_rectangles(images: Tensor, sizes: Tensor, centers: Tensor) -> Tensor:
    """Set rectangles of images (N, C, H, W) to 0, see :func:`draw_rectangles`; they may lie partly outside."""
    height, width = images.shape[2:]
    columns, rows = (
        ((torch.arange(side) + 0.5) / side - centers[:, axis, None]).abs() < sizes[:, None] / 2
        for axis, side in enumerate((width, height))
    )
    cut = rows[:, None, :, None] & columns[:, None, None, :]
    return images * sent(~cut, images.device)


@lru_cache(maxsize=16)
def band_matrices(side: int, device: torch.device) -> Tensor:
    """The matrices (4, side, side) that leave one band of a row, which goes on as its reflection; their sum is 1."""
    filters = band_filters()
    offsets = torch.arange(filters.shape[1]) - filters.shape[1] // 2
    source = reflected(torch.arange(side)[:, None] + offsets, side)
    matrices = torch.zeros(BANDS, side, side, dtype=torch.float64)
    return (
        matrices.scatter_add(2, source.expand(BANDS, -1, -1), filters[:, None].expand(-1, side, -1)).float().to(device)
    )


def band_filters() -> Tensor:
    """The symmetric filters (4, 43) float64 of the bands, the lowest first; their sum is the unit impulse.

    The lower half of the frequencies is divided again and again, as in a wavelet transform with sym2.
    """
    low = np.array(SYM2)
    high = low * (-1.0) ** np.arange(len(low))
    low, high = (np.convolve(each, each[::-1]) / 2 for each in (low, high))
    bands = np.eye(BANDS, 1)
    for band in range(1, BANDS):
        spread = np.zeros((BANDS, 2 * bands.shape[1] - 1))
        spread[:, ::2] = bands
        bands = np.stack([np.convolve(row, low) for row in spread])
        start = (bands.shape[1] - len(high)) // 2
        bands[band, start : start + len(high)] += high
    return torch.from_numpy(bands)
