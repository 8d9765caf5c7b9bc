"""Batch normalisation over the images of all processes.

PyTorch's own SyncBatchNorm runs on GPUs only and cannot be differentiated twice, as R1 and gradient penalties on a
normalised discriminator demand. This one is made of differentiable operations and runs on any device.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.core.randomness import world_size


class _AllReduceMean(torch.autograd.Function):
    """The mean over ranks; its gradient is the mean of the ranks' gradients, differentiable again."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return all_reduce_mean(gradient)


@torch.library.custom_op("lightning_gans::snapshot", mutates_args=())
def snapshot(values: Tensor) -> Tensor:
    """A copy, without a gradient, that a compiled graph keeps for its backward pass.

    It would copy again there where it knows what a clone is, from a buffer that has changed by then.
    """
    return values.clone()


@snapshot.register_fake
def _(values: Tensor) -> Tensor:
    return torch.empty_like(values)


def all_reduce_mean(values: Tensor) -> Tensor:
    """The mean over all processes, in which every one of them takes part, in backward passes too."""
    mean: Tensor = _AllReduceMean.apply(values)
    return mean


def batch_norm(
    maps: Tensor,
    running: tuple[Tensor, Tensor] | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise with the statistics of the batches of all processes, which have to be of one size.

    Args:
        maps: (N, C) or (N, C, H, W).
        running: running mean and variance (C,) to move towards the batch's, as ``F.batch_norm`` does.
        weight: (C,).
        bias: (C,).
        momentum: share of the new statistics.
        eps: added to the variance.

    Returns:
        Maps of the same shape and type.
    """
    if world_size() == 1:
        mean, var = running or (None, None)
        return F.batch_norm(maps, mean, var, weight, bias, training=True, momentum=momentum, eps=eps)
    values = maps.float()  # also under mixed precision
    var, mean = torch.var_mean(values, dim=[0, *range(2, maps.ndim)], correction=0)
    # Means relative to what all ranks know: their squares, which are subtracted again, stay small.
    known = torch.zeros_like(mean) if running is None else snapshot(running[0])
    moments = all_reduce_mean(torch.stack([mean - known, var + (mean - known).square()]))
    mean, var = moments[0] + known, moments[1] - moments[0].square()
    if running is not None:
        count = maps.numel() // maps.shape[1] * world_size()
        with torch.no_grad():
            running[0].lerp_(mean.to(running[0]), momentum)
            running[1].lerp_((var * count / (count - 1)).to(running[1]), momentum)
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (1, -1, *(1,) * (maps.ndim - 2))
    return torch.addcmul(shift.view(shape), values, scale.view(shape)).to(maps.dtype)
