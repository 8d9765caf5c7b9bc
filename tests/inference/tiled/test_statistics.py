"""Statistics of normalization layers over a whole picture, which its tiles share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.inference.tiled.statistics import Moments, fix_statistics, norm_layers, norms_in_call_order
from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks.layers import InstanceNorm, Norm
from tests.support.tiled import SIZE, TILE, resnet, scene, whole


def test_moments_are_those_of_all_parts_together() -> None:
    maps = 1000 + torch.randn(2, 3, 20, 30)
    moments = Moments()
    for rows in (slice(0, 3), slice(3, 10), slice(10, 20)):
        moments.add(maps[:, :, rows])
    var, mean = torch.var_mean(maps.double(), dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(moments.mean, mean, rtol=1e-6, atol=0)
    # Squares of 1000, whose difference single precision would have lost.
    torch.testing.assert_close(moments.variance, var, rtol=1e-4, atol=0)


def test_layers_take_the_statistics_of_the_whole_picture() -> None:
    network, picture = resnet(), scene(100, 148)
    given: dict[Norm, Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda layer, maps: given.__setitem__(layer, maps[0]))
        for layer in norm_layers(network)
    ]
    whole(network, picture)
    for hook in hooks:
        hook.remove()
    taken: dict[Norm, tuple[Tensor, Tensor]] = {}
    seen = [layer.register_forward_pre_hook(lambda layer, _: keep(layer)) for layer in norm_layers(network)]

    def keep(layer: nn.Module) -> None:
        assert isinstance(layer, Norm)
        if layer.fixed_statistics:
            taken[layer] = layer.fixed_statistics

    translate_picture(network, picture, SIZE, TILE)
    for hook in seen:
        hook.remove()
    assert set(taken) == set(norm_layers(network))
    for layer, (mean, var) in taken.items():
        expected = torch.var_mean(given[layer].double(), dim=(0, 2, 3), correction=0)
        torch.testing.assert_close(var.double(), expected[0], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(mean.double(), expected[1], rtol=1e-4, atol=1e-5)


def test_layers_are_found_in_the_order_in_which_they_are_passed() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.later, self.first = InstanceNorm(1), InstanceNorm(1)

        def forward(self, maps: Tensor) -> Tensor:
            changed: Tensor = self.later(self.first(maps))
            return changed

    network = Backwards()
    assert norms_in_call_order(network, torch.rand(1, 1, 4, 4))[0] == [network.first, network.later]


def test_a_pass_ends_at_its_layer() -> None:
    network = resnet()
    beyond: list[nn.Module] = []
    network.layers[2].register_forward_hook(lambda *_: beyond.append(network))
    fix_statistics(network, norm_layers(network)[0], [(torch.rand(1, 3, 16, 16), (slice(0, 16), slice(0, 16)))])
    assert not beyond


def test_statistics_are_restored_even_where_the_network_fails() -> None:
    network = resnet()
    network.layers[-1].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        translate_picture(network, scene(90, 90), SIZE, TILE)
    assert all(layer.fixed_statistics is None for layer in norm_layers(network))


def test_layers_that_cannot_be_fixed_are_not_cut_at() -> None:
    class Shy(InstanceNorm):
        supports_fixed_statistics = False

    with pytest.raises(ValueError, match=r"tile is 48, but ResNetTranslator runs on windows of 32 pixels"):
        translate_picture(resnet(norm=Shy), scene(90, 90), SIZE, TILE)
    assert translate_picture(resnet(norm=Shy), scene(50, 90), SIZE).shape == (3, 50, 90)
