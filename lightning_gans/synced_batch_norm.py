"""Batch normalisation over the images of all processes.

PyTorch's own SyncBatchNorm runs on GPUs only and cannot be differentiated twice, as R1 and gradient penalties on a
normalised discriminator demand. This one is made of differentiable operations and runs on any device.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.randomness import processes


class _MeanOverRanks(torch.autograd.Function):
    """The mean over ranks; its gradient is the mean of the ranks' gradients, differentiable again."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return mean_over_ranks(gradient)


@torch.library.custom_op("lightning_gans::snapshot", mutates_args=())
def snapshot(values: Tensor) -> Tensor:
    """A copy, without a gradient, that a compiled graph keeps for its backward pass.

    It would copy again there where it knows what a clone is, from a buffer that has changed by then.
    """
    return values.clone()


@snapshot.register_fake
def _(values: Tensor) -> Tensor:
    return torch.empty_like(values)


def mean_over_ranks(values: Tensor) -> Tensor:
    """The mean over all processes, in which every one of them takes part, in backward passes too."""
    mean: Tensor = _MeanOverRanks.apply(values)
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
    if processes() == 1:
        mean, var = running or (None, None)
        return F.batch_norm(maps, mean, var, weight, bias, training=True, momentum=momentum, eps=eps)
    values = maps.float()  # also under mixed precision
    var, mean = torch.var_mean(values, dim=[0, *range(2, maps.ndim)], correction=0)
    # Means relative to what all ranks know: their squares, which are subtracted again, stay small.
    known = torch.zeros_like(mean) if running is None else snapshot(running[0])
    moments = mean_over_ranks(torch.stack([mean - known, var + (mean - known).square()]))
    mean, var = moments[0] + known, moments[1] - moments[0].square()
    if running is not None:
        count = maps.numel() // maps.shape[1] * processes()
        with torch.no_grad():
            running[0].lerp_(mean.to(running[0]), momentum)
            running[1].lerp_((var * count / (count - 1)).to(running[1]), momentum)
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (1, -1, *(1,) * (maps.ndim - 2))
    return torch.addcmul(shift.view(shape), values, scale.view(shape)).to(maps.dtype)


class _Synced(nn.modules.batchnorm._BatchNorm):
    """A layer of torch's, with the statistics of all processes in training."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.momentum is None or self.running_mean is None or self.running_var is None:
            return super().forward(input)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        running = self.running_mean, self.running_var
        return batch_norm(input, running, self.weight, self.bias, self.momentum, self.eps)


class _Synced1d(_Synced, nn.BatchNorm1d):
    pass


class _Synced2d(_Synced, nn.BatchNorm2d):
    pass


class _Synced3d(_Synced, nn.BatchNorm3d):
    pass


_SYNCED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _Synced1d,
    nn.BatchNorm2d: _Synced2d,
    nn.BatchNorm3d: _Synced3d,
}


class SyncedBatchNorm(LayerSync):
    """Lets a model's layers of batch normalisation use :func:`batch_norm` while it trains.

    Layers stay the objects they are, with their weights, names and buffers, so that checkpoints do not change.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        """Switch over."""
        return _swapped(model, _SYNCED)

    def revert(self, model: nn.Module) -> nn.Module:
        """Switch back."""
        return _swapped(model, {synced: own for own, synced in _SYNCED.items()})


def _swapped(model: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    for module in model.modules():
        if type(module) in classes:
            module.__class__ = classes[type(module)]
    return model
