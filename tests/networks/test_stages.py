"""What translators say of how they can be cut."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import IdentityTranslator, ResNetTranslator, Translator, UNet
from lightning_gans.networks.base import Stage
from lightning_gans.networks.layers import BatchNorm, InstanceNorm, Norm

TRANSLATORS = [
    ResNetTranslator(1, 2, 64, blocks=2, width=2),
    ResNetTranslator(1, 2, 64, blocks=2, width=2, upsample=True),
    ResNetTranslator(1, 2, 64, blocks=2, width=2, antialias_down=True, antialias_up=True),
    ResNetTranslator(1, 2, 64, blocks=1, width=1, halvings=1),
    ResNetTranslator(1, 2, 64, blocks=1, width=1, halvings=3, upsample=True),
    IdentityTranslator(1, 1, 64),
]


def frozen(network: nn.Module) -> nn.Module:
    """In double precision, with layers that normalize nothing away, and no kinks to hide a pixel behind."""
    for layer in network.modules():
        if isinstance(layer, Norm):
            layer.fixed_statistics = torch.zeros(layer.channels).double(), torch.ones(layer.channels).double()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.uniform_(layer.weight, 0.5 / layer.weight[0].numel(), 1 / layer.weight[0].numel())
    return network.double().eval()


def seen(stage: Stage, channels: int, side: int, place: int) -> tuple[int, int]:
    """How far beyond the input of one pixel's place what is made there depends on it, before and after."""
    given = torch.rand(1, channels, side, side, dtype=torch.float64, requires_grad=True)
    made = stage.module(given)
    # One place of what is given, or as many of what is made as lie on it.
    first, last = int(place * stage.scale), max(int(place * stage.scale), int((place + 1) * stage.scale) - 1)
    (slope,) = torch.autograd.grad(made[:, :, first : last + 1].sum(), given)
    rows = slope[0].abs().sum(dim=(0, 2)).nonzero()
    width = max(1, int(1 / stage.scale))
    return place - int(rows.min()), int(rows.max()) - (place + width - 1)


@pytest.mark.parametrize("number", range(len(TRANSLATORS)))
def test_a_stage_sees_as_far_as_it_says_and_no_further(number: int) -> None:
    channels, side = 1, 64
    for stage in TRANSLATORS[number].stages():
        frozen(stage.module)
        assert max(seen(stage, channels, side, side // 2)) == stage.margin
        made = stage.module(torch.rand(1, channels, side, side).double())
        assert made.shape[2:] == (side * stage.scale,) * 2
        channels, side = made.shape[1], 32


@pytest.mark.parametrize("number", range(len(TRANSLATORS)))
def test_stages_in_turn_are_the_network(number: int) -> None:
    network = TRANSLATORS[number].float()
    for layer in network.modules():
        if isinstance(layer, Norm):
            layer.fixed_statistics = None
    images = torch.rand(2, 1, 32, 32)
    maps: Tensor = images
    for stage in network.stages():
        maps = stage.module(maps)
    assert torch.equal(maps, network(images))


def test_a_network_whose_pixels_see_all_of_the_image_has_no_stages() -> None:
    assert UNet(1, 1, 64, width=1).stages() == []

    class Anything(Translator):
        def forward(self, images: Tensor) -> Tensor:
            return images

    assert Anything(1, 1).stages() == []


@pytest.mark.parametrize("norm", [InstanceNorm, BatchNorm])
def test_a_layer_with_its_maps_own_statistics_fixed_makes_the_same_of_them(norm: type[Norm]) -> None:
    maps = 3 + 2 * torch.randn(1, 4, 16, 16)
    layer = norm(4).eval()
    for weights in layer.parameters():
        nn.init.normal_(weights)
    own = layer(maps)
    var, mean = torch.var_mean(maps, dim=(0, 2, 3), correction=0)
    layer.fixed_statistics = mean, var
    torch.testing.assert_close(layer(maps), own, atol=1e-5, rtol=0)
    # A part of them is normalized as in the whole, which its own statistics would not do.
    torch.testing.assert_close(layer(maps[:, :, :4]), own[:, :, :4], atol=1e-5, rtol=0)
    assert not [key for key in layer.state_dict() if "fixed" in key]


@pytest.mark.parametrize("norm", [InstanceNorm, BatchNorm])
def test_training_does_not_heed_fixed_statistics(norm: type[Norm]) -> None:
    layer = norm(2)
    layer.fixed_statistics = torch.full((2,), 7.0), torch.ones(2)
    assert layer.train()(torch.randn(1, 2, 8, 8)).mean().abs() < 1e-5
