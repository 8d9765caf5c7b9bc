from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks.sngan import SNGANDiscriminator, SNGANGenerator


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kinds)]


def shape(layer: Any) -> tuple[int, int, int]:
    return layer.kernel_size[0], layer.stride[0], layer.out_channels


@pytest.mark.parametrize("size", [28, 32, 48])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    images = SNGANGenerator(channels, size, latent_dim=7, width=2)(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    logits = SNGANDiscriminator(channels, size, width=2)(images)
    assert logits.shape == (5,)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("size", "first", "expected"), [(28, 7, [128, 64]), (32, 4, [256, 128, 64]), (48, 6, [256, 128, 64])]
)
def test_the_generator_is_that_of_table_3(size: int, first: int, expected: list[int]) -> None:
    generator = SNGANGenerator(3, size)
    (dense,) = layers(generator, nn.Linear)
    assert (dense.in_features, dense.out_features) == (128, first * first * 2 * expected[0])
    assert [shape(layer) for layer in layers(generator, nn.ConvTranspose2d)] == [(4, 2, width) for width in expected]
    assert [shape(layer) for layer in layers(generator, nn.Conv2d)] == [(3, 1, 3)]
    assert [layer.num_features for layer in layers(generator, nn.BatchNorm2d)] == expected
    assert len(layers(generator, nn.ReLU)) == len(expected)
    assert isinstance(list(generator.layers)[-1], nn.Tanh)


@pytest.mark.parametrize(("size", "first", "pairs"), [(28, 7, 2), (32, 4, 3), (48, 6, 3)])
def test_the_discriminator_is_that_of_table_3(size: int, first: int, pairs: int) -> None:
    table = [(3, 1, 64), (4, 2, 64), (3, 1, 128), (4, 2, 128), (3, 1, 256), (4, 2, 256), (3, 1, 512)]
    expected = table[: 2 * pairs + 1]
    discriminator = SNGANDiscriminator(3, size)
    assert [shape(layer) for layer in layers(discriminator, nn.Conv2d)] == expected
    assert [layer.negative_slope for layer in layers(discriminator, nn.LeakyReLU)] == [0.1] * len(expected)
    (dense,) = layers(discriminator, nn.Linear)
    assert (dense.in_features, dense.out_features) == (first * first * expected[-1][2], 1)
    assert list(discriminator.layers)[-1] is dense


def test_the_discriminator_normalizes_nothing() -> None:
    discriminator = SNGANDiscriminator(1, 28, width=4)
    images = torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))
    # Weights are plain parameters: spectral normalization would keep them elsewhere.
    assert all(name.endswith(("weight", "bias")) for name, _ in discriminator.named_parameters())
    assert not list(discriminator.buffers())


def test_initialization() -> None:
    for network in (SNGANGenerator(3, 32), SNGANDiscriminator(3, 32)):
        for layer in layers(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.06)
            assert layer.bias is None or not layer.bias.any()
        assert all((layer.weight == 1).all() for layer in layers(network, nn.BatchNorm2d))


@pytest.mark.parametrize("size", [28, 32])
def test_gradients_reach_every_parameter(size: int) -> None:
    generator, discriminator = SNGANGenerator(1, size, latent_dim=3, width=2), SNGANDiscriminator(1, size, width=2)
    discriminator(generator(torch.randn(8, 3))).sum().backward()
    for network in (generator, discriminator):
        assert all(p.grad is not None and p.grad.any() for p in network.parameters())


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 64}, r"size is 64; expected one of \[28, 32, 48\]"),
        ({"channels": 0}, "channels is 0; expected at least 1"),
        ({"width": 0}, "width is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}"):
        SNGANGenerator(**{"channels": 1, "size": 28, **kwargs})
    with pytest.raises(ValueError, match=rf"^{named}"):
        SNGANDiscriminator(**{"channels": 1, "size": 28, **kwargs})


def test_a_latent_vector_without_entries_is_named() -> None:
    with pytest.raises(ValueError, match=r"latent_dim is 0"):
        SNGANGenerator(1, 28, latent_dim=0)
