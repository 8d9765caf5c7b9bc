from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks import (
    MLPDiscriminator,
    MLPGenerator,
)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 8), (2, 1)])
def test_shapes_and_ranges(channels: int, size: int) -> None:
    images = MLPGenerator(channels, size, latent_dim=7, widths=[5, 6])(torch.randn(4, 7))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    assert MLPDiscriminator(channels, size, widths=[5])(images).shape == (4,)
    labels = torch.tensor([0, 1, 2, 0])
    images = MLPGenerator(channels, size, latent_dim=7, num_classes=3, conditional=True)(torch.randn(4, 7), labels)
    assert images.shape == (4, channels, size, size)
    assert MLPDiscriminator(channels, size, num_classes=3, conditional=True)(images, labels).shape == (4,)


def test_the_generator_ends_in_a_sigmoid_on_pixels_from_zero_to_one() -> None:
    generator = MLPGenerator(1, 2, latent_dim=3, widths=[4])
    latent = torch.randn(5, 3)
    pixels = torch.sigmoid(generator.pixels(generator.hidden(latent)))
    torch.testing.assert_close((generator(latent).flatten(1) + 1) / 2, pixels)


def test_the_discriminator_sees_pixels_from_zero_to_one() -> None:
    discriminator = MLPDiscriminator(1, 2, widths=[4])
    black = discriminator(-torch.ones(1, 1, 2, 2))
    torch.testing.assert_close(black, discriminator.logit(discriminator.hidden(torch.zeros(1, 4))).flatten())


def test_widths_of_the_papers_generators_are_the_default() -> None:
    plain = [m.out_features for m in MLPGenerator(1, 28).modules() if isinstance(m, nn.Linear)]
    assert plain == [1200, 1200, 784]
    generator = MLPGenerator(1, 28, num_classes=10, conditional=True)
    conditional = [m.out_features for m in generator.modules() if isinstance(m, nn.Linear)]
    assert conditional == [200, 1000, 1200, 784]


def test_the_initial_bound_is_that_of_the_papers_code() -> None:
    generator = MLPGenerator(1, 28, init_bound=0.05)
    for layer in (m for m in generator.modules() if isinstance(m, nn.Linear)):
        assert 0.049 < layer.weight.abs().max() <= 0.05
        assert not layer.bias.any()


def test_the_pixels_bias_starts_from_the_mean_image() -> None:
    generator = MLPGenerator(1, 2, init_bound=0.05, bias_from_data=True)
    mean = torch.tensor([[[-1.0, 0.0], [0.5, 1.0]]])
    assert generator.needs_mean_image
    generator.use_mean_image(mean)
    # The code of pylearn2, init_sigmoid_bias_from_array: log(m / (1 - m)) of the mean m, clipped to [1e-7, 1 - 1e-7].
    expected = torch.tensor([-16.11809555, 0.0, 1.09861229, 16.11809555])
    torch.testing.assert_close(generator.pixels.bias.detach(), expected, rtol=1e-5, atol=1e-5)
    trained = generator.pixels.bias.detach().clone()
    generator.use_mean_image(-mean)
    assert torch.equal(generator.pixels.bias, trained)
    assert not MLPGenerator(1, 2, init_bound=0.05).needs_mean_image


def test_conditional_networks_depend_on_the_label_and_want_one() -> None:
    generator = MLPGenerator(1, 4, num_classes=2, conditional=True)
    discriminator = MLPDiscriminator(1, 4, num_classes=2, conditional=True)
    latent = torch.randn(1, 100)
    zero, one = (generator(latent, torch.tensor([k])) for k in range(2))
    assert not torch.allclose(zero, one)
    assert not torch.allclose(discriminator(zero, torch.tensor([0])), discriminator(zero, torch.tensor([1])))
    for network, inputs in ((generator, latent), (discriminator, zero)):
        with pytest.raises(ValueError, match="labels is None; expected labels"):
            network(inputs)


@pytest.mark.parametrize(
    ("network", "kwargs", "named"),
    [
        (MLPGenerator, {"latent_dim": 0}, r"latent_dim is 0; expected at least 1"),
        (MLPGenerator, {"widths": []}, r"widths is \[\]"),
        (MLPGenerator, {"init_bound": 0.0}, r"init_bound is 0"),
        (MLPGenerator, {"bias_from_data": True}, r"bias_from_data is True but init_bound is None"),
        (MLPDiscriminator, {"widths": [3, 0]}, r"widths is \[3, 0\]; expected at least one number, each at least 1"),
        (
            MLPGenerator,
            {"conditional": True, "num_classes": 2, "widths": [8, 4], "label_width": 8},
            "label_width is 8; expected less than the first of widths, 8",
        ),
        (MLPGenerator, {"conditional": True, "num_classes": 0}, r"num_classes is 0, as of data without labels"),
        (MLPDiscriminator, {"conditional": True, "num_classes": 0}, r"num_classes is 0"),
    ],
)
def test_bad_arguments_are_named(network: Any, kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        network(**{"channels": 1, "size": 4, **kwargs})
