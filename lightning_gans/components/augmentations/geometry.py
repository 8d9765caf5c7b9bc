"""ADA's geometric transformations: the positions from which an image takes its pixels, as matrices.

Flips, rotations, scaling and translation of an image are one matrix, and one resampling: see :mod:`.resampling`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import Draw

XINT_MAX, SCALE_STD, ANISO_STD, XFRAC_STD = 0.125, 0.2, 0.2, 0.125
"""The paper's ranges (appendix B): shares of the side, and standard deviations of the binary logarithm of a factor."""


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Matrices (N, 3, 3) that multiply positions by x and y, (N,) each."""
    return _matrices(x, 0, 0, 0, y, 0)


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Matrices (N, 3, 3) that add x and y, (N,) each, to positions."""
    return _matrices(1, 0, x, 0, 1, y)


def rotation(angle: Tensor) -> Tensor:
    """Matrices (N, 3, 3) that rotate positions by an angle (N,), from the x-axis, right, to the y-axis, down."""
    sine, cosine = angle.sin(), angle.cos()
    return _matrices(cosine, -sine, 0, sine, cosine, 0)


def _matrices(*rows: Tensor | float) -> Tensor:
    """Homogeneous matrices (N, 3, 3) from their first six entries, of which at least one is (N,)."""
    count = next(len(entry) for entry in rows if isinstance(entry, Tensor))
    entries = [torch.as_tensor(entry, dtype=torch.float64).expand(count) for entry in (*rows, 0, 0, 1)]
    return torch.stack(entries, dim=1).view(count, 3, 3)


def draw_positions(blitting: Draw | None, geometry: Draw | None, height: int, width: int) -> Tensor:
    """Draw the transformations of a batch.

    Args:
        blitting: draws flips left and right, rotations by multiples of 90 degrees and translations by whole pixels;
            None for none of them.
        geometry: draws factors of both sides and of one against the other, rotations and translations; None likewise.
        height: of the images, in pixels.
        width: of the images, in pixels.

    Returns:
        Matrices (N, 3, 3) float64 from positions in the output to those in the image, in pixels from the center.
    """
    moved = torch.eye(3, dtype=torch.float64)
    if (draw := blitting) is not None:
        flipped = draw.choose(torch.floor(draw.uniform() * 2), 0)
        moved = moved @ scaling(1 - 2 * flipped, torch.ones(draw.count))
        quarters = draw.choose(torch.floor(draw.uniform() * 4), 0)
        moved = moved @ rotation(quarters.double() * (math.pi / 2)).round()
        shift = draw.choose(draw.symmetric(2) * XINT_MAX, 0)
        moved = moved @ translation(-torch.round(shift[:, 0] * width), -torch.round(shift[:, 1] * height))
    if (draw := geometry) is not None:
        factor = draw.choose(torch.exp2(draw.normal() * SCALE_STD), 1)
        moved = moved @ scaling(1 / factor, 1 / factor)
        # Rotated before or after one side is scaled against the other, or both: with the probability, at least once.
        once = 1 - math.sqrt(max(0.0, 1 - draw.probability))
        moved = moved @ rotation(draw.choose(draw.symmetric() * math.pi, 0, once))
        factor = draw.choose(torch.exp2(draw.normal() * ANISO_STD), 1)
        moved = moved @ scaling(1 / factor, factor)
        moved = moved @ rotation(draw.choose(draw.symmetric() * math.pi, 0, once))
        shift = draw.choose(draw.normal(2) * XFRAC_STD, 0)
        moved = moved @ translation(-shift[:, 0] * width, -shift[:, 1] * height)
    return moved
