from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_gans.networks import ResizeGenerator, ResNetTranslator
from tests.support.plain_layers import outputs_and_gradients, plain


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    generator = ResizeGenerator(channels, size, latent_dim=7, width=4)
    images = generator(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    assert (generator.latent_dim, generator.channels, generator.size) == (7, channels, (size, size))


def test_only_the_image_has_a_bias_of_its_own() -> None:
    generator = ResizeGenerator(1, 28, width=4)
    biased = [
        layer for layer in generator.modules() if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None
    ]
    assert [type(layer) for layer in biased] == [nn.Conv2d]


@pytest.mark.parametrize(
    "network",
    [ResizeGenerator(1, 28, latent_dim=12, width=2), ResNetTranslator(12, 3, 12, blocks=1, width=2, upsample=True)],
)
def test_networks_make_what_plain_layers_make(network: nn.Module) -> None:
    network = network.double()
    twin = plain(network)
    assert sum(isinstance(layer, nn.Upsample) for layer in twin.modules()) == 2
    shape = (3, 12) if isinstance(network, ResizeGenerator) else (3, 12, 12, 12)
    inputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    results = [outputs_and_gradients(each, inputs) for each in (network, twin)]
    torch.testing.assert_close(*results, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 30}, r"size is 30; expected a multiple of 4 from 8 up"),
        ({"size": 4}, r"size is 4; expected a multiple of 4 from 8 up"),
        ({"channels": 0}, r"channels is 0"),
        ({"latent_dim": 0}, r"latent_dim is 0"),
        ({"width": 0}, r"width is 0"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ResizeGenerator(**{"channels": 1, "size": 28, **kwargs})
