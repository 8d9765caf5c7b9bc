from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

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
    labels = torch.tensor([0, 2, 1])
    images = DCGANGenerator(channels, size, latent_dim=5, width=4, num_classes=3, conditional=True)(
        torch.randn(3, 5), labels
    )
    assert images.shape == (3, channels, size, size)
    assert images.abs().max() <= 1
    conditional = DCGANDiscriminator(channels, size, width=4, num_classes=3, conditional=True)
    assert conditional(images, labels).shape == (3,)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_five_guidelines(size: int) -> None:
    generator, discriminator = DCGANGenerator(1, size), DCGANDiscriminator(1, size)
    for network in (generator, discriminator):
        assert not layers(network, nn.MaxPool2d, nn.AvgPool2d, nn.Linear)
    up = layers(generator, nn.ConvTranspose2d)
    down = layers(discriminator, nn.Conv2d)
    assert all(layer.stride == (2, 2) for layer in up[1:])
    assert all(layer.stride == (2, 2) for layer in down[:-1])
    # Batch normalization after every layer but G's output and D's input (and D's logit).
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


def test_larger_images_add_maps_of_the_papers_greatest_width() -> None:
    up = layers(DCGANGenerator(3, 256, width=2), nn.ConvTranspose2d)
    assert [layer.out_channels for layer in up] == [16, 16, 16, 8, 4, 2, 3]
    assert [layer.kernel_size for layer in up] == [(4, 4)] * 7
    down = layers(DCGANDiscriminator(3, (96, 160), width=2), nn.Conv2d)
    assert [layer.out_channels for layer in down] == [2, 4, 8, 16, 1]
    assert down[-1].kernel_size == (6, 10)


def test_initialization() -> None:
    generator = DCGANGenerator(3, 64)
    for layer in layers(generator, nn.ConvTranspose2d)[:-1]:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert layer.bias is None
    norms = torch.cat([layer.weight for layer in layers(generator, nn.BatchNorm2d)])
    assert norms.mean().item() == pytest.approx(1, abs=0.01)
    assert norms.std().item() == pytest.approx(0.02, rel=0.2)


AUTHORS_SCALES: dict[tuple[type[nn.Module], int], list[float]] = {
    (DCGANGenerator, 28): [0.017678, 0.051031, 0.121268],
    (DCGANDiscriminator, 28): [0.121268, 0.051031, 0.017856],
    (DCGANDiscriminator, 64): [0.114708, 0.051031, 0.036084, 0.025516, 0.015624],
}
"""Standard deviations of the weights of each layer, by the formulas in tflib/ops of the authors of WGAN-GP
(github.com/igul222/improved_wgan_training): linear.py for the layers between a vector and a map, conv2d.py and
deconv2d.py for the others."""


@pytest.mark.parametrize(("network", "size"), AUTHORS_SCALES)
def test_he_initialization_has_the_scales_of_the_code_of_wgan_gp(network: type[nn.Module], size: int) -> None:
    torch.manual_seed(0)
    first: dict[str, Any] = {"latent_dim": 128} if network is DCGANGenerator else {"batch_norm": False}
    made = network(1 if size == 28 else 3, size, init="he", **first)
    convolutions = layers(made, nn.Conv2d, nn.ConvTranspose2d)
    for layer, scale in zip(convolutions, AUTHORS_SCALES[network, size], strict=True):
        assert layer.weight.std().item() == pytest.approx(scale, rel=0.05)
        assert layer.weight.abs().max().item() == pytest.approx(3**0.5 * scale, rel=0.05)  # uniform
        assert layer.bias is None or not layer.bias.any()
    for norm in layers(made, nn.BatchNorm2d):
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))


def test_without_normalization_he_initialization_gives_d_a_slope() -> None:
    def slope(init: str) -> float:
        torch.manual_seed(0)
        discriminator = DCGANDiscriminator(1, 28, batch_norm=False, init=init)  # type: ignore[arg-type]
        images = (2 * torch.rand(16, 1, 28, 28) - 1).requires_grad_(True)
        (gradients,) = torch.autograd.grad(discriminator(images).sum(), images)
        return float(gradients.flatten(1).norm(dim=1).mean())

    # The critic of the authors' gan_mnist.py starts with .47, and with .03 if its weights have a deviation of .02.
    assert 0.3 < slope("he") < 1
    assert slope("normal") < 0.05


def test_without_batch_norm_the_logit_of_an_image_does_not_depend_on_the_others() -> None:
    discriminator = DCGANDiscriminator(1, 28, width=4, batch_norm=False)
    images = torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))


def test_both_conditional_networks_depend_on_the_label() -> None:
    generator = DCGANGenerator(1, 28, latent_dim=5, width=4, num_classes=2, conditional=True).eval()
    discriminator = DCGANDiscriminator(1, 28, width=4, num_classes=2, conditional=True).eval()
    latent = torch.randn(1, 5)
    images = [generator(latent, torch.tensor([k])) for k in range(2)]
    assert not torch.allclose(*images)
    assert not torch.allclose(*(discriminator(images[0], torch.tensor([k])) for k in range(2)))


def test_the_label_enters_d_by_projection_on_its_features() -> None:
    torch.manual_seed(0)
    plain = DCGANDiscriminator(1, 28, width=4).eval()
    conditional = DCGANDiscriminator(1, 28, width=4, num_classes=3, conditional=True).eval()
    last, first = list(conditional.layers)[-1], list(plain.layers)[-1]
    assert isinstance(last, torch.nn.Conv2d)
    assert isinstance(first, torch.nn.Conv2d)
    for mine, theirs in zip(list(conditional.layers)[:-1], list(plain.layers)[:-1], strict=True):
        mine.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        last.weight[0], last.bias[0] = first.weight[0], first.bias[0]  # type: ignore[index]
        last.weight[1:] = 0
        last.weight[2] = first.weight[0]
    images = torch.randn(2, 1, 28, 28)
    unprojected = conditional(images, torch.tensor([0, 2]))
    torch.testing.assert_close(unprojected, plain(images))
    # v_1 = w: twice the logit, up to the bias.
    bias = first.bias.item()  # type: ignore[union-attr]
    torch.testing.assert_close(conditional(images, torch.tensor([1, 1])) - bias, 2 * (plain(images) - bias))


@pytest.mark.parametrize("network", [DCGANGenerator, DCGANDiscriminator])
def test_a_conditional_network_refuses_data_without_labels(network: type) -> None:
    with pytest.raises(ValueError, match="num_classes is 0, as of data without labels"):
        network(channels=1, size=28, num_classes=0, conditional=True)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 30}, "size is 30; expected sides that are multiples of 4"),
        ({"channels": 0}, r"channels is 0"),
        ({"latent_dim": 0}, r"latent_dim is 0"),
        ({"width": 0}, r"width is 0"),
        ({"init": "xavier"}, r"init is 'xavier'; expected 'normal' or 'he'"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        DCGANGenerator(**{"channels": 1, "size": 28, **kwargs})
