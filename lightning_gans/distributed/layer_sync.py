"""Lets a model's batch normalisation use the images of all processes while it trains."""

from __future__ import annotations

from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, nn

from lightning_gans.distributed.synced_batch_norm import batch_norm


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
