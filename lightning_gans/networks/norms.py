"""Normalisation of translators and patch discriminators, chosen by class path."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.distributed.synced_batch_norm import batch_norm


class Norm(nn.Module):
    """Normalises feature maps (N, C, H, W); no convolution before one has a bias, which it would undo.

    Attributes:
        fixed: mean and variance, (C,) each, to take in place of the maps' own, as for a part of a larger picture; only
            in evaluation, and only where the class is ``fixable``.
        fixable: whether the class heeds ``fixed``.
    """

    fixed: tuple[Tensor, Tensor] | None = None
    fixable: bool = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels


class InstanceNorm(Norm):
    """Each channel of each image to mean 0 and variance 1 (Ulyanov et al., 2016); no weights, no running statistics."""

    fixable = True

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        if self.fixed is not None and not self.training:
            return F.batch_norm(maps, *self.fixed)
        return F.instance_norm(maps)


class BatchNorm(Norm):
    """Batch normalisation that keeps to batch statistics: of the batch in training, of each image alone in evaluation.

    So does pix2pix, whose networks stay in training mode with batches of one when they are tested (Isola et al., 2017,
    section 3.3). Here a test's batch may have any size, and what an image gives does not depend on the others. Several
    processes share the statistics of their batches.
    """

    fixable = True

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        if self.training:
            return batch_norm(maps, None, self.weight, self.bias)
        if self.fixed is not None:
            return F.batch_norm(maps, *self.fixed, self.weight, self.bias)
        return F.instance_norm(maps, weight=self.weight, bias=self.bias)


MakeNorm = Callable[[int], Norm]
"""Channels to a layer: a class of this module, by class path."""
