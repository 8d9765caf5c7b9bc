from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks.lsgan import LSGANDiscriminator, LSGANGenerator


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("size", [28, 56, 112])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    images = LSGANGenerator(channels, size, latent_dim=7, width=2)(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    logits = LSGANDiscriminator(channels, size, width=2)(images)
    assert logits.shape == (5,)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (28, [(128, 2), (64, 2), (3, 1)]),
        (56, [(256, 2), (256, 1), (128, 2), (64, 2), (3, 1)]),
        (112, [(256, 2), (256, 1), (256, 2), (256, 1), (128, 2), (64, 2), (3, 1)]),
    ],
)
def test_the_generator_is_that_of_figure_5a(size: int, expected: list[tuple[int, int]]) -> None:
    generator = LSGANGenerator(3, size)
    (dense,) = layers(generator, nn.Linear)
    assert (dense.in_features, dense.out_features) == (1024, 7 * 7 * 256)
    up = layers(generator, nn.ConvTranspose2d)
    assert [(layer.out_channels, layer.stride[0]) for layer in up] == expected
    assert all(layer.kernel_size == (3, 3) for layer in up)
    # After the dense layer and every convolution but the last.
    assert len(layers(generator, nn.BatchNorm2d)) == len(layers(generator, nn.ReLU)) == len(up)
    assert isinstance(list(generator.layers)[-1], nn.Tanh)


@pytest.mark.parametrize(("size", "expected"), [(28, [64, 128]), (56, [64, 128, 256]), (112, [64, 128, 256, 512])])
def test_the_discriminator_is_that_of_figure_5a(size: int, expected: list[int]) -> None:
    discriminator = LSGANDiscriminator(3, size)
    down = layers(discriminator, nn.Conv2d)
    assert [layer.out_channels for layer in down] == expected
    assert all(layer.kernel_size == (5, 5) and layer.stride == (2, 2) for layer in down)
    (dense,) = layers(discriminator, nn.Linear)
    assert (dense.in_features, dense.out_features) == (7 * 7 * expected[-1], 1)
    assert list(discriminator.layers)[-1] is dense
    assert [layer.num_features for layer in layers(discriminator, nn.BatchNorm2d)] == expected[1:]
    assert [layer.negative_slope for layer in layers(discriminator, nn.LeakyReLU)] == [0.2] * len(expected)


def test_initialization() -> None:
    for network in (LSGANGenerator(3, 28, latent_dim=128), LSGANDiscriminator(3, 28)):
        for layer in layers(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.06)
            assert layer.bias is None or not layer.bias.any()
        norms = torch.cat([layer.weight for layer in layers(network, nn.BatchNorm2d)])
        assert norms.mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("size", [28, 112])
def test_no_bias_next_to_batch_normalization(size: int) -> None:
    for network in (LSGANGenerator(1, size, latent_dim=3, width=2), LSGANDiscriminator(1, size, width=2)):
        weighted = layers(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
        without = [layer for layer in weighted if layer.bias is None]
        assert len(without) == len(layers(network, nn.BatchNorm2d))


def test_gradients_reach_every_parameter() -> None:
    generator, discriminator = LSGANGenerator(1, 56, latent_dim=3, width=2), LSGANDiscriminator(1, 56, width=2)
    discriminator(generator(torch.randn(8, 3))).square().sum().backward()
    for network in (generator, discriminator):
        assert all(p.grad is not None and p.grad.any() for p in network.parameters())


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 64}, r"size is 64; expected one of \[28, 56, 112\]"),
        ({"channels": 0}, "channels is 0; expected at least 1"),
        ({"width": 0}, "width is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}"):
        LSGANGenerator(**{"channels": 1, "size": 28, **kwargs})
    with pytest.raises(ValueError, match=rf"^{named}"):
        LSGANDiscriminator(**{"channels": 1, "size": 28, **kwargs})


def test_a_latent_vector_without_entries_is_named() -> None:
    with pytest.raises(ValueError, match=r"latent_dim is 0"):
        LSGANGenerator(1, 28, latent_dim=0)
