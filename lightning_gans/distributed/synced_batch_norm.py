"""Batch normalization over the images of all processes.

PyTorch's ``SyncBatchNorm`` runs on GPUs only and cannot be differentiated twice, which R1 and gradient penalties on a
discriminator with batch normalization require. This implementation consists of differentiable operations and runs on
any device.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
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


def all_reduce_mean(values: Tensor) -> Tensor:
    """Mean of a tensor over all processes, differentiable any number of times.

    Every process must call it, with a tensor of the same shape, and must run the same backward passes through it. The
    gradient is the mean of the processes' gradients. With one process it returns ``values``.

    Args:
        values: this process's tensor, of any shape.

    Returns:
        The mean, of the same shape, equal on all processes.
    """
    if world_size() == 1:
        return values
    mean: Tensor = _AllReduceMean.apply(values)
    return mean


def all_reduce_max(values: Tensor) -> Tensor:
    """The largest of all processes' values, without a gradient. Every process must call it.

    Args:
        values: this process's tensor, of any shape.

    Returns:
        The largest value at each place, of the same shape, equal on all processes.
    """
    largest = values.detach().clone(memory_format=torch.contiguous_format)
    if world_size() > 1:
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest


@torch.library.custom_op("lightning_gans::snapshot", mutates_args=())
def snapshot(values: Tensor) -> Tensor:
    """A copy without a gradient, which a compiled graph keeps for its backward pass.

    The compiler knows ``clone`` and would repeat it in the backward pass, from a buffer that has changed by then; it
    cannot look into this operator.
    """
    return values.clone()


@snapshot.register_fake
def _(values: Tensor) -> Tensor:
    return torch.empty_like(values)


def batch_norm(
    maps: Tensor,
    running: tuple[Tensor, Tensor] | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float = 0.1,
    eps: float = 1e-5,
    synchronized: bool = True,
) -> Tensor:
    """Normalize with the statistics of the batches of all processes, which must have the same size.

    Args:
        maps: (N, C) or (N, C, H, W).
        running: running mean and variance, (C,) each, updated in place as ``F.batch_norm`` does; None keeps none.
        weight: (C,); None does not scale.
        bias: (C,); None does not shift.
        momentum: share of the batch's statistics in the updated running statistics, in [0, 1].
        eps: added to the variance.
        synchronized: False uses the batch of this process only.

    Returns:
        Maps of the same shape and type.
    """
    if world_size() == 1 or not synchronized:
        mean, var = running or (None, None)
        return F.batch_norm(maps, mean, var, weight, bias, training=True, momentum=momentum, eps=eps)
    values = maps.float()  # also under mixed precision
    var, mean = torch.var_mean(values, dim=[0, *range(2, maps.ndim)], correction=0)
    # Means relative to a value that all ranks share: their squares, which are subtracted again, stay small.
    shared = torch.zeros_like(mean) if running is None else snapshot(running[0])
    moments = all_reduce_mean(torch.stack([mean - shared, var + (mean - shared).square()]))
    mean, var = moments[0] + shared, moments[1] - moments[0].square()
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


class _Synced(nn.Module):
    """The forward pass of PyTorch's layers, in training with the statistics of all processes."""

    momentum: float | None
    eps: float
    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.momentum is None or self.running_mean is None or self.running_var is None:
            output: Tensor = super().forward(input)
            return output
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


class Synchronizable(nn.Module):
    """Base class of layers of our own that pass ``synchronized`` to :func:`batch_norm`."""

    synchronized = True


def sync_batch_norm(model: nn.Module, synchronized: bool = True) -> None:
    """Let the batch normalization layers of a model use :func:`batch_norm` in training.

    The layers remain the same objects, with their weights, names and buffers, so that checkpoints do not change.

    Args:
        model: any model.
        synchronized: False leaves PyTorch's layers as they are, and lets ours use the batch of their process only.
    """
    if synchronized:
        _change_classes(model, _SYNCED)
    _set_synchronized(model, synchronized)


def unsync_batch_norm(model: nn.Module) -> None:
    """Undo :func:`sync_batch_norm`."""
    _change_classes(model, {synced: original for original, synced in _SYNCED.items()})
    _set_synchronized(model, True)


def _set_synchronized(model: nn.Module, synchronized: bool) -> None:
    for module in model.modules():
        if isinstance(module, Synchronizable):
            module.synchronized = synchronized


def _change_classes(model: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> None:
    for module in model.modules():
        if type(module) in classes:
            module.__class__ = classes[type(module)]
