"""Paths between two latent vectors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_gans.components.noise import Noise, NormalNoise

Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Starts (N, D), ends (N, D) and positions (T,) in [0, 1] to points (N, T, D)."""


def linear(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    """Points (N, T, D) on the straight lines from ``starts`` (N, D) to ``ends`` (N, D)."""
    places = positions.double()[:, None]
    return ((1 - places) * starts.double()[:, None] + places * ends.double()[:, None]).to(starts)


def spherical(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    r"""Points (N, T, D) on the arcs from ``starts`` (N, D) to ``ends`` (N, D), at constant speed.

    White, 2016, section 2.1: :math:`\frac{\sin((1 - t)\theta)}{\sin\theta} z_0 + \frac{\sin(t\theta)}{\sin\theta} z_1`
    with the angle :math:`\theta` between both. If both ends have one norm, all points have it. Where the ends lie on
    one line through 0, which has no arc or any, the points are on that line.
    """
    start, end = starts.double()[:, None], ends.double()[:, None]
    norms = torch.linalg.vector_norm(start, dim=2, keepdim=True) * torch.linalg.vector_norm(end, dim=2, keepdim=True)
    angle = ((start * end).sum(dim=2, keepdim=True) / norms).clamp(-1, 1).arccos()
    places = positions.double()[:, None]
    arc = (((1 - places) * angle).sin() * start + (places * angle).sin() * end) / angle.sin()
    return torch.where(angle.sin() > 1e-6, arc, linear(start[:, 0], end[:, 0], positions)).to(starts)


def interpolation_for(noise: Noise) -> Interpolation:
    """The path whose points are as likely as its ends: on the sphere where normal noise lies, else straight.

    In many dimensions nearly all standard normal vectors have a norm around the root of D; the middle of a straight
    line is shorter than any that the generator has seen. In the cube of uniform noise straight lines stay inside.
    """
    return spherical if isinstance(noise, NormalNoise) else linear
