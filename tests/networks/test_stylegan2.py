from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import StyleGAN2Discriminator, StyleGAN2Generator
from lightning_gans.networks.resampling import Downsample, LowPass, Upsample
from lightning_gans.networks.stylegan2_layers import (
    EqualizedConv2d,
    EqualizedLinear,
    MappingNetwork,
    MinibatchStd,
    map_widths,
)
from lightning_gans.networks.stylegan2_synthesis import ModulatedConv2d, StyledLayer

TINY: dict[str, Any] = {"latent_dim": 7, "style_dim": 6, "mapping_layers": 2, "width": 2}
ARCHITECTURES: list[Any] = ["original", "skip", "residual"]


def tiny(channels: int = 1, size: Any = 16, **kwargs: Any) -> StyleGAN2Generator:
    torch.manual_seed(0)
    return StyleGAN2Generator(channels, size, **{**TINY, **kwargs})


def noisy(generator: StyleGAN2Generator) -> StyleGAN2Generator:
    for layer in generator.modules():
        if isinstance(layer, StyledLayer):
            nn.init.constant_(layer.strength, 0.3)
    return generator


@pytest.mark.parametrize("size", [28, 48, (16, 40)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shapes_and_ranges(size: Any, architecture: Any) -> None:
    generator = tiny(3, size, architecture=architecture)
    discriminator = StyleGAN2Discriminator(3, size, width=2, architecture=architecture)
    made = 3 * generator(torch.randn(4, 7))
    assert made.shape == (4, 3, *generator.size)
    logits = discriminator(made)
    assert logits.shape == (4,)
    logits.sum().backward()
    assert generator.eval()(100 * torch.randn(4, 7)).abs().max() <= 1
    for network in (generator, discriminator):
        without = [name for name, p in network.named_parameters() if p.grad is None]
        assert not without


def test_channels_and_styles() -> None:
    assert map_widths(6, None, 2, 512) == [64, 128, 256, 512, 512, 512, 512]
    assert map_widths(8, None, 2, 512)[:3] == [32, 64, 128]
    assert map_widths(3, 512, 2, 512) == [512] * 4
    assert map_widths(2, 5, 1, 512) == [5] * 3
    # 18 at 1024 pixels (Karras et al., 2019, section 3.1).
    with torch.device("meta"):
        assert StyleGAN2Generator(3, 1024, width=1, widest=1).synthesis.layers == 18


def test_maps_keep_their_size_at_initialization() -> None:
    torch.manual_seed(0)
    layer = StyledLayer(64, 64, (8, 8), style_dim=8)
    maps = layer(torch.randn(8, 64, 8, 8), torch.randn(8, 8))
    assert maps[:, :, 1:-1, 1:-1].square().mean().sqrt().item() == pytest.approx(1, rel=0.1)
    # White noise, unlike images, is reduced by the filter.
    images, discriminator = torch.randn(32, 3, 1, 1).expand(-1, -1, 16, 16), StyleGAN2Discriminator(3, 16, width=32)
    maps = discriminator.blocks[0](discriminator.from_image[0](images))
    assert maps[:, :, 2:-2, 2:-2].square().mean().sqrt().item() == pytest.approx(1, rel=0.2)


def test_weights_of_a_modulated_convolution_have_norm_one() -> None:
    conv = ModulatedConv2d(4, 3, style_dim=5)
    impulse = torch.zeros(2, 4, 5, 5)
    maps, factors = conv(impulse, torch.randn(2, 5))
    assert not maps.any()
    total = torch.zeros(2, 3)
    for channel in range(4):
        given = impulse.clone()
        given[:, channel, 2, 2] = 1
        maps, factors = conv(given, torch.zeros(2, 5))
        total += (maps * factors).square().sum(dim=(2, 3))
    torch.testing.assert_close(total, torch.ones(2, 3), rtol=1e-4, atol=1e-4)


def test_a_rate_changes_the_steps_and_not_the_outputs() -> None:
    torch.manual_seed(0)
    slow, plain = EqualizedLinear(3, 4, bias=0.5, rate=0.01), EqualizedLinear(3, 4, bias=0.5)
    with torch.no_grad():
        plain.weight.copy_(slow.weight / 100)
    inputs = torch.randn(2, 3)
    torch.testing.assert_close(slow(inputs), plain(inputs))
    torch.testing.assert_close(plain(inputs), inputs @ plain.weight.T / 3**0.5 + 0.5)
    for layer in (slow, plain):
        layer(inputs).sum().backward()
        torch.optim.SGD(layer.parameters(), lr=1).step()
    # The gradient is .01 times the plain layer's, and so is the effect of a step.
    assert slow.bias.item() if slow.bias.numel() == 1 else True
    torch.testing.assert_close((slow.bias * 0.01 - 0.5), (plain.bias - 0.5) * 1e-4, rtol=1e-2, atol=1e-5)


def test_filters_in_front_of_and_behind_strided_convolutions_keep_a_constant_map() -> None:
    ones = torch.ones(1, 2, 8, 8)
    box = torch.ones(2, 1, 2, 2)
    up = LowPass(padding=1, gain=1)(nn.functional.conv_transpose2d(ones, torch.ones(2, 1, 3, 3), stride=2, groups=2))
    assert up.shape == (1, 2, 16, 16)
    torch.testing.assert_close(up[:, :, 3:-3, 3:-3], torch.full((1, 2, 10, 10), 9 / 4))
    down = nn.functional.conv2d(LowPass(padding=2)(ones), torch.ones(2, 1, 3, 3), stride=2, groups=2)
    assert down.shape == (1, 2, 4, 4)
    torch.testing.assert_close(down[:, :, 1:-1, 1:-1], torch.full((1, 2, 2, 2), 9.0))
    assert Upsample()(ones).shape == (1, 2, 16, 16)
    assert Downsample()(ones).shape == nn.functional.conv2d(ones, box, stride=2, groups=2).shape


# Noise and mixing.


def test_evaluation_depends_on_latent_vectors_alone() -> None:
    generator, latent = noisy(tiny()).eval(), torch.randn(3, 7)
    images = generator(latent)
    torch.manual_seed(5)
    assert torch.equal(generator(latent), images)
    torch.testing.assert_close(generator(latent[1:]), images[1:])
    with torch.no_grad():
        for layer in generator.modules():
            if isinstance(layer, StyledLayer):
                layer.noise.normal_()
    assert not torch.allclose(generator(latent), images)


def test_training_draws_noise_for_each_image_from_the_step_alone() -> None:
    generator, latent = noisy(tiny(style_mixing=0)), torch.randn(1, 7).expand(2, -1)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(generator(latent))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])
    assert not torch.allclose(drawn[0][0], drawn[0][1])
    for layer in generator.modules():
        if isinstance(layer, StyledLayer):
            nn.init.zeros_(layer.strength)
    images = generator(latent)
    torch.testing.assert_close(images[0], images[1])


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_share_of_images_has_two_styles_in_training(probability: float) -> None:
    generator, latent = tiny(style_mixing=probability), torch.randn(500, 7)
    styles = generator.styles(latent)
    layers = generator.synthesis.layers
    assert styles.shape == (500, layers, 6)
    first = generator.mapping(latent)[:, None].expand_as(styles)
    own = (styles == first).all(dim=2)
    assert own[:, 0].all()
    # Behind the first layer with another style, none has the first again, and all have the same.
    assert (own.int().diff(dim=1) <= 0).all()
    mixed = ~own[:, -1]
    assert mixed.float().mean().item() == pytest.approx(probability, abs=0.08)
    switches = own[mixed].sum(dim=1)
    assert set(switches.tolist()) == (set(range(1, layers)) if probability else set())
    for row, switch in zip(styles[mixed][:5], switches[:5], strict=True):
        assert (row[switch:] == row[-1]).all()
    generator.eval()
    assert torch.equal(generator.styles(latent), first)


def test_the_running_mean_of_w_moves_styles() -> None:
    generator, latent = tiny(style_mixing=0.5), torch.randn(4, 7)
    for _ in range(3):
        generator(latent)
    mean = generator.mapping(latent).mean(dim=0)
    torch.testing.assert_close(generator.style_mean, (1 - 0.995**3) * mean)
    generator.eval()(latent)
    torch.testing.assert_close(generator.style_mean, (1 - 0.995**3) * mean)
    styles = generator.styles(latent)
    torch.testing.assert_close(generator.styles(latent, truncation=0.0), generator.style_mean.expand_as(styles))
    torch.testing.assert_close(
        generator.styles(latent, truncation=0.5), (styles + generator.style_mean) / 2, rtol=1e-5, atol=1e-6
    )


def test_the_length_of_z_does_not_matter() -> None:
    network, latent = MappingNetwork(7, 0, style_dim=6, layers=2), torch.randn(4, 7)
    torch.testing.assert_close(network(3 * latent), network(latent))


# The standard deviation over groups.


@pytest.mark.parametrize(
    ("count", "group_size", "groups"),
    [(8, 4, [4, 4]), (6, 4, [3, 3]), (7, 4, [7]), (2, 4, [2]), (12, 8, [6, 6]), (1, 4, [1]), (4, 100, [4])],
)
def test_groups_are_of_consecutive_images(count: int, group_size: int, groups: list[int]) -> None:
    maps = torch.randn(count, 3, 2, 5, dtype=torch.float64)
    output = MinibatchStd(group_size)(maps)
    assert torch.equal(output[:, :3], maps)
    expected = [part.std(dim=0, correction=0).mean().expand(len(part)) for part in torch.split(maps, groups)]
    torch.testing.assert_close(output[:, 3], torch.cat(expected)[:, None, None].expand(-1, 2, 5), rtol=1e-5, atol=2e-4)


def test_a_discriminator_sees_that_all_images_are_the_same() -> None:
    torch.manual_seed(0)
    discriminator, images = StyleGAN2Discriminator(1, 16, width=4), torch.randn(4, 1, 16, 16)
    same = images[:1].expand(4, -1, -1, -1)
    assert not torch.allclose(discriminator(images)[0], discriminator(same)[0], rtol=1e-3, atol=1e-3)
    assert not discriminator.joint_batch_safe
    # N processes compute what one does: a batch of whole groups may be divided.
    both = torch.cat([images, 2 * images.flip(0)])
    torch.testing.assert_close(torch.cat([discriminator(both[:4]), discriminator(both[4:])]), discriminator(both))


# Half precision.


def agree(half: Tensor, full: Tensor, tolerance: float) -> bool:
    return bool(half.isfinite().all()) and ((half.float() - full).norm() < tolerance * full.norm()).item()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
@torch.no_grad()
def test_half_precision_is_close(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    generator = noisy(StyleGAN2Generator(3, 32, width=8, latent_dim=16, style_dim=16, mapping_layers=2)).eval()
    discriminator = StyleGAN2Discriminator(3, 32, width=8)
    latent = torch.randn(4, 16)
    images = generator(latent)
    logits = discriminator(images)
    with torch.autocast("cpu", dtype):
        found = generator(latent)
        assert found.dtype == torch.float32
        assert agree(found, images, tolerance)
        assert torch.equal(generator.styles(latent), generator.styles(latent))
        assert agree(discriminator(images), logits, tolerance)
    assert generator.styles(latent).dtype == torch.float32


@torch.no_grad()
def test_float16_does_not_overflow() -> None:
    torch.manual_seed(0)
    conv, layer = ModulatedConv2d(16, 4, style_dim=5), StyledLayer(16, 4, (8, 8), style_dim=5)
    maps, style = torch.randn(2, 16, 8, 8), torch.randn(2, 5)
    for each in (conv, layer.conv):
        each.weight.mul_(300)
        each.affine.weight.mul_(1000)
    factored = [conv(maps, style)]
    with torch.autocast("cpu", torch.float16):
        factored.append(conv(maps.half(), style))
        assert (layer((1000 * maps).half(), style).abs() <= 256).all()
    expected, found = (values * factors.float() for values, factors in factored)
    assert agree(found, expected, 0.01)
    branch = StyleGAN2Discriminator(3, 16, width=4).from_image[0]
    with torch.autocast("cpu", torch.float16):
        assert branch(torch.full((1, 3, 4, 4), 1e4)).max() == 256


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 50}, "size is 50; expected sides that are multiples of 8, such as 48"),
        ({"channels": 0}, "channels is 0; expected at least 1"),
        ({"width": 0}, "width is 0; expected at least 1"),
        ({"growth": 0}, "growth is 0; expected at least 1"),
        ({"widest": 0}, "widest is 0; expected at least 1"),
        ({"architecture": "dense"}, "architecture is 'dense'; expected 'original', 'skip' or 'residual'"),
        ({"mapping_layers": 0, "num_classes": 3, "conditional": True}, "mapping_layers is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], named: str) -> None:
    for make in (StyleGAN2Generator, StyleGAN2Discriminator):
        with pytest.raises(ValueError, match=rf"^{named}"):
            make(**{"channels": 1, "size": 28, "width": 1, **kwargs})


def test_bad_arguments_of_one_network_are_named() -> None:
    with pytest.raises(ValueError, match=r"^style_mixing is 1.5; expected a probability in \[0, 1\]"):
        tiny(style_mixing=1.5)
    with pytest.raises(ValueError, match=r"^style_dim is 0; expected at least 1"):
        tiny(style_dim=0)
    with pytest.raises(ValueError, match=r"^group_size is 1; expected at least 2"):
        StyleGAN2Discriminator(1, 16, group_size=1)


def test_labels_are_embedded() -> None:
    labels = torch.tensor([2, 0])
    generator = tiny(num_classes=3, conditional=True).eval()
    latent = torch.randn(2, 7)
    assert torch.equal(generator(latent, labels), generator(latent, torch.eye(3)[labels]))
    assert not torch.allclose(generator(latent, labels), generator(latent, labels.flip(0)))
    discriminator = StyleGAN2Discriminator(1, 16, width=2, num_classes=3, conditional=True)
    images = torch.randn(2, 1, 16, 16)
    assert discriminator.mapping is not None
    features = discriminator.end[:-1](
        discriminator.blocks[1](discriminator.blocks[0](discriminator.from_image[0](images)))
    )
    expected = (discriminator.end[-1](features) * discriminator.mapping(labels=labels)).sum(dim=1) / 8**0.5
    torch.testing.assert_close(discriminator(images, labels), expected)
    for network, given in ((generator, latent), (discriminator, images)):
        with pytest.raises(ValueError, match="labels is None"):
            network(given)


def test_convolutions_without_bias() -> None:
    assert EqualizedConv2d(2, 3, 1, bias=False).bias is None
    assert EqualizedLinear(2, 3, bias=None).bias is None
