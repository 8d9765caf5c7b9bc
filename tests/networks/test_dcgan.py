from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    generator = DCGANGenerator(channels, size, latent_dim=7, width=4)
    discriminator = DCGANDiscriminator(channels, size, width=4)
    images = generator(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (5,)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_five_guidelines(size: int) -> None:
    generator, discriminator = DCGANGenerator(1, size), DCGANDiscriminator(1, size)
    for network in (generator, discriminator):
        assert not layers(network, nn.MaxPool2d, nn.AvgPool2d, nn.Linear)
    up = layers(generator, nn.ConvTranspose2d)
    down = layers(discriminator, nn.Conv2d)
    assert all(layer.stride == (2, 2) for layer in up[1:])
    assert all(layer.stride == (2, 2) for layer in down[:-1])
    # Batch normalisation after every layer but G's output and D's input (and D's logit).
    assert len(layers(generator, nn.BatchNorm2d)) == len(up) - 1
    assert len(layers(discriminator, nn.BatchNorm2d)) == len(down) - 2
    assert not isinstance(list(discriminator.layers)[1], nn.BatchNorm2d)
    assert len(layers(generator, nn.ReLU)) == len(up) - 1
    assert isinstance(list(generator.layers)[-1], nn.Tanh)
    assert len(layers(discriminator, nn.LeakyReLU)) == len(down) - 1
    assert all(layer.negative_slope == 0.2 for layer in layers(discriminator, nn.LeakyReLU))


def test_widths_of_the_64_pixel_networks_are_the_papers() -> None:
    up = layers(DCGANGenerator(3, 64), nn.ConvTranspose2d)
    assert [layer.out_channels for layer in up] == [512, 256, 128, 64, 3]
    down = layers(DCGANDiscriminator(3, 64), nn.Conv2d)
    assert [layer.out_channels for layer in down] == [64, 128, 256, 512, 1]


def test_initialisation() -> None:
    generator = DCGANGenerator(3, 64)
    for layer in layers(generator, nn.ConvTranspose2d)[:-1]:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert layer.bias is None
    norms = torch.cat([layer.weight for layer in layers(generator, nn.BatchNorm2d)])
    assert norms.mean().item() == pytest.approx(1, abs=0.01)
    assert norms.std().item() == pytest.approx(0.02, rel=0.2)


def test_without_batch_norm_the_logit_of_an_image_does_not_depend_on_the_others() -> None:
    discriminator = DCGANDiscriminator(1, 28, width=4, batch_norm=False)
    images = torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 30}, r"model\.generator\.size is 30; expected one of \[28, 32, 64\]"),
        ({"channels": 0}, r"model\.generator\.channels is 0"),
        ({"latent_dim": 0}, r"model\.generator\.latent_dim is 0"),
        ({"width": 0}, r"model\.generator\.width is 0"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(InputError, match=named):
        DCGANGenerator(**{"channels": 1, "size": 28, **kwargs})
