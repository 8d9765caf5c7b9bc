"""The mean over processes and batch normalization, in one process; several: ``tests/support/equal_run.py``."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch import nn

from lightning_gans.distributed import all_reduce_mean, synced_batch_norm
from lightning_gans.distributed.synced_batch_norm import batch_norm, sync_batch_norm, unsync_batch_norm


@pytest.fixture
def two_equal_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process that does exactly what this one does."""
    monkeypatch.setattr(dist, "all_reduce", lambda values: values.mul_(2))
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(synced_batch_norm, "world_size", lambda: 2)


def test_one_process_is_its_own_mean() -> None:
    values = torch.randn(3)
    assert all_reduce_mean(values) is values


@pytest.mark.usefixtures("two_equal_processes")
def test_the_mean_is_differentiable_twice() -> None:
    values = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: all_reduce_mean(x.square()), values)
    assert torch.autograd.gradgradcheck(lambda x: all_reduce_mean(x.square()), values)


@pytest.mark.usefixtures("two_equal_processes")
def test_two_equal_batches_are_normalized_as_their_union() -> None:
    maps = torch.randn(4, 3, 5, 5)
    own, union = (torch.zeros(3), torch.ones(3)), (torch.zeros(3), torch.ones(3))
    weight, bias = torch.randn(3), torch.randn(3)
    ours = batch_norm(maps, own, weight, bias)
    theirs = nn.functional.batch_norm(torch.cat([maps, maps]), *union, weight, bias, training=True)
    torch.testing.assert_close(ours, theirs[:4], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(own, union)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
def test_layers_are_synced_and_restored(layer: type[nn.Module], two_equal_processes: None) -> None:
    """As a layer of torch's on the union of both batches; everything of the layer itself stays."""
    maps = torch.randn(4, 3, *(2,) * (int(layer.__name__[-2]) if layer is not nn.BatchNorm1d else 0))
    model, reference = nn.Sequential(layer(3)), layer(3)
    before = model.state_dict()
    sync_batch_norm(model)
    torch.testing.assert_close(model(maps), reference(torch.cat([maps, maps]))[:4], atol=1e-5, rtol=1e-5)
    assert model.state_dict().keys() == before.keys()
    torch.testing.assert_close(dict(model[0].state_dict()), dict(reference.state_dict()))
    torch.testing.assert_close(model.eval()(maps), reference.eval()(maps))
    unsync_batch_norm(model)
    assert type(model[0]) is layer
