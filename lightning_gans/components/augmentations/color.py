r"""ADA's color transformations: affine maps of each pixel's channels, all of them in one matrix for each image.

They are defined by the luma axis :math:`v = (1, \dots, 1) / \sqrt{C}`, the direction of gray: brightness and contrast
change all channels alike, luma flip reflects along :math:`v`, saturation scales what is orthogonal to it, and hue
rotates around it (Karras et al., 2020, appendix B, for three channels; their maps of gray images are these maps of one
channel). The first four are for any number of channels. Hue is for three: in two channels nothing turns around the
axis, and in more than three there is no single rotation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import Draw, sent

BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.5, 1.0
"""The paper's standard deviations: of what is added, and of the binary logarithms of factors."""


def draw_colors(draw: Draw, channels: int) -> Tensor:
    """Draw the color transformations of a batch.

    Returns:
        Matrices (N, C + 1, C + 1) float64 of affine maps of C channels.
    """
    changed = shifting(draw.choose(draw.normal() * BRIGHTNESS_STD, 0), channels)
    changed = stretching(draw.choose(torch.exp2(draw.normal() * CONTRAST_STD), 1), channels) @ changed
    flipped = draw.choose(torch.floor(draw.uniform() * 2), 0)
    changed = along_luma(1 - 2 * flipped, channels) @ changed
    if channels == 3:
        changed = turning(draw.choose(draw.symmetric() * math.pi, 0)) @ changed
    if channels > 1:
        changed = across_luma(draw.choose(torch.exp2(draw.normal() * SATURATION_STD), 1), channels) @ changed
    return changed


def recolor(images: Tensor, colors: Tensor) -> Tensor:
    """Transform the channels of images.

    Args:
        images: (N, C, H, W) float32.
        colors: matrices (N, C + 1, C + 1) float64 on the CPU, as :func:`draw_colors` returns them.

    Returns:
        (N, C, H, W).
    """
    channels = images.shape[1]
    if torch.equal(colors, _identity(channels).expand_as(colors)):
        return images
    colors = sent(colors[:, :channels].to(images.dtype), images.device)
    linear, constant = torch.split(colors, [channels, 1], dim=2)
    if channels == 1:
        return images * linear[..., None] + constant[..., None]
    return torch.baddbmm(constant, linear, images.flatten(2)).view(images.shape)


def shifting(values: Tensor, channels: int) -> Tensor:
    """Brightness: matrices (N, C + 1, C + 1) that add values (N,) to all channels."""
    matrices = _identity(channels).repeat(len(values), 1, 1)
    matrices[:, :channels, channels] = values.double()[:, None]
    return matrices


def stretching(factors: Tensor, channels: int) -> Tensor:
    """Contrast: matrices (N, C + 1, C + 1) that multiply all channels by factors (N,)."""
    return _identity(channels, last=0) * factors.double()[:, None, None] + _last(channels)


def along_luma(factors: Tensor, channels: int) -> Tensor:
    """Matrices (N, C + 1, C + 1) that multiply the part along the luma axis by factors (N,); -1 flips luma."""
    return _identity(channels) + _luma(channels) * (factors.double()[:, None, None] - 1)


def across_luma(factors: Tensor, channels: int) -> Tensor:
    """Saturation: matrices (N, C + 1, C + 1) that multiply the part orthogonal to the luma axis by factors (N,)."""
    luma = _luma(channels)
    return luma + _last(channels) + (_identity(channels, last=0) - luma) * factors.double()[:, None, None]


def turning(angles: Tensor) -> Tensor:
    """Hue: matrices (N, 4, 4) that rotate three channels around the luma axis by angles (N,), in radians."""
    angles = angles.double()[:, None, None]
    cross = torch.zeros(4, 4, dtype=torch.float64)
    cross[:3, :3] = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)
    luma = _luma(3)
    # Rodrigues' formula.
    return luma + _last(3) + (_identity(3, last=0) - luma) * angles.cos() + cross * angles.sin()


def _identity(channels: int, last: float = 1.0) -> Tensor:
    """The identity of the channels, (C + 1, C + 1), with the last entry of the diagonal."""
    diagonal = torch.ones(channels + 1, dtype=torch.float64)
    diagonal[channels] = last
    return diagonal.diag()


def _last(channels: int) -> Tensor:
    """The matrix (C + 1, C + 1) with nothing but the last entry of the diagonal."""
    return _identity(channels) - _identity(channels, last=0)


def _luma(channels: int) -> Tensor:
    """The projection (C + 1, C + 1) of the channels on the luma axis."""
    matrix = torch.zeros(channels + 1, channels + 1, dtype=torch.float64)
    matrix[:channels, :channels] = 1 / channels
    return matrix
