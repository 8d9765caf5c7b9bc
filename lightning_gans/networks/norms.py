"""Normalization layers of translators whose output in evaluation does not depend on statistics of the input."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.distributed.synced_batch_norm import batch_norm
from lightning_gans.networks.layers import BatchNorm, Norm


class RunningBatchNorm(BatchNorm):
    """Batch normalization with running statistics, which it uses in evaluation, as :class:`torch.nn.BatchNorm2d`.

    pix2pix's authors test with the statistics of each image, as :class:`.BatchNorm` does, unless their ``test.py`` is
    given ``--eval``. In training the two classes give the same output. In distributed training the statistics are those
    of the batches of all processes, unless ``synchronized`` is False.

    Args:
        channels: channels of the feature maps.
    """

    supports_fixed_statistics = False
    uses_input_statistics = False
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize feature maps (N, C, H, W); the output has the same shape."""
        running = self.running_mean, self.running_var
        if self.training:
            return batch_norm(maps, running, self.weight, self.bias, synchronized=self.synchronized)
        return F.batch_norm(maps, *running, self.weight, self.bias)


class PlainBatchNorm(RunningBatchNorm):
    """:class:`RunningBatchNorm` without weights, the normalization inside SPADE (Park et al., 2019).

    Args:
        channels: channels of the feature maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)


class NoNorm(Norm):
    """Returns its input, for networks without normalization.

    Args:
        channels: channels of the feature maps.
    """

    uses_input_statistics = False

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``maps`` (N, C, H, W)."""
        return maps
