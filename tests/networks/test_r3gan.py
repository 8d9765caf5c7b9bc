from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator, ResidualBlock
from lightning_gans.networks.resampling import Downsample, Upsample

TINY: dict[str, Any] = {"width": 4, "blocks": 1, "group_size": 4}


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kinds)]


def widths(network: nn.Module) -> list[int]:
    return [block.branch[0].in_channels for block in layers(network, ResidualBlock)]


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    images = R3GANGenerator(channels, size, latent_dim=7, **TINY)(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    logits = R3GANDiscriminator(channels, size, **TINY)(images)
    assert logits.shape == (5,)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("size", "expected"), [(28, [64, 128, 256]), (32, [64, 128, 256, 512]), (64, [64, 128, 256, 512, 512])]
)
def test_stages(size: int, expected: list[int]) -> None:
    generator, discriminator = R3GANGenerator(3, size), R3GANDiscriminator(3, size)
    per_block = [width for width in expected for _ in range(2)]
    assert widths(discriminator) == per_block
    assert widths(generator) == per_block[::-1]
    assert len(layers(generator, Upsample)) == len(layers(discriminator, Downsample)) == len(expected) - 1
    side = 7 if size == 28 else 4
    assert generator.basis.shape == (expected[-1], side, side)
    assert not layers(generator, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
    assert not layers(discriminator, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
    last = layers(discriminator, nn.Conv2d)[-1]
    assert last.kernel_size == (side, side)
    assert last.groups == last.in_channels == expected[-1]


@pytest.mark.parametrize(
    ("size", "given", "expected"),
    [
        (256, {}, [64, 128, 256, 512, 512, 512, 512]),
        (512, {}, [32, 64, 128, 256, 512, 512, 512, 512]),
        (1024, {}, [16, 32, 64, 128, 256, 512, 512, 512, 512]),
        (1024, {"width": 8}, [8, 16, 32, 64, 128, 256, 256, 256, 256]),
        ((96, 160), {"width": 32, "widest": 80}, [32, 64, 80, 80, 80]),
    ],
)
def test_widths_of_large_images(size: Any, given: dict[str, Any], expected: list[int]) -> None:
    with torch.device("meta"):
        for network in (R3GANGenerator(3, size, blocks=1, **given), R3GANDiscriminator(3, size, blocks=1, **given)):
            assert sorted(widths(network)) == expected


def test_the_papers_block() -> None:
    first, _, second, _, third = ResidualBlock(48, expansion=2, group_size=16, count=8).branch
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    assert isinstance(third, nn.Conv2d)
    assert [layer.kernel_size[0] for layer in (first, second, third)] == [1, 3, 1]
    assert [layer.out_channels for layer in (first, second, third)] == [96, 96, 48]
    assert (first.groups, second.groups, third.groups) == (1, 6, 1)
    assert third.bias is None


def test_a_block_starts_as_the_identity() -> None:
    maps = torch.randn(2, 8, 5, 5)
    block = ResidualBlock(8, expansion=2, group_size=4, count=3)
    assert torch.equal(block(maps), maps)
    nn.init.normal_(block.branch[-1].weight)  # type: ignore[arg-type]
    assert not torch.equal(block(maps), maps)


@pytest.mark.parametrize("count", [1, 16])
def test_initial_weights_are_smaller_the_more_blocks_there_are(count: int) -> None:
    first, _, second, _, _ = ResidualBlock(128, expansion=2, group_size=16, count=count).branch
    gain = (2 / (1 + 0.2**2)) ** 0.5 * count**-0.25
    for layer, fan_in in ((first, 128), (second, 16 * 9)):
        assert isinstance(layer, nn.Conv2d)
        assert layer.weight.std().item() == pytest.approx(gain / fan_in**0.5, rel=0.03)
        assert layer.bias is not None
        assert not layer.bias.any()


def test_the_whole_network_counts_as_the_number_of_blocks() -> None:
    gain = (2 / (1 + 0.2**2)) ** 0.5 * (3 * 4) ** -0.25
    for network in (R3GANGenerator(1, 28, blocks=4), R3GANDiscriminator(1, 28, blocks=4)):
        for block in layers(network, ResidualBlock):
            first = block.branch[0]
            assert first.weight.std().item() == pytest.approx(gain / first.in_channels**0.5, rel=0.05)


def test_maps_keep_their_size_on_the_way_at_initialization() -> None:
    generator = R3GANGenerator(3, 32, width=64)
    maps = generator.basis * generator.weigh(torch.randn(64, 64))[:, :, None, None]
    assert maps.std().item() == pytest.approx(1, rel=0.2)
    smallest = torch.randn(64, 512, 4, 4)
    assert R3GANDiscriminator(3, 32).layers[-3:](smallest).std().item() == pytest.approx(1, rel=0.3)


def test_doubling_is_bilinear_but_for_the_border() -> None:
    maps = torch.randn(2, 3, 6, 6)
    expected = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(Upsample()(maps)[:, :, 1:-1, 1:-1], expected[:, :, 1:-1, 1:-1])


def test_halving_is_the_low_pass_filter() -> None:
    maps = torch.zeros(1, 2, 8, 8)
    maps[0, 1, 3, 4] = 64
    # Row 3 weighs 3 in output row 1 and 1 in row 2; column 4 weighs 1 in output column 1 and 3 in column 2.
    expected = torch.zeros(1, 2, 4, 4)
    expected[0, 1, 1:3, 1:3] = torch.tensor([[3.0, 9.0], [1.0, 3.0]])
    torch.testing.assert_close(Downsample()(maps), expected)
    torch.testing.assert_close(Downsample()(torch.ones(1, 1, 8, 8))[:, :, 1:-1, 1:-1], torch.ones(1, 1, 2, 2))


def test_the_filter_is_neither_trained_nor_stored() -> None:
    assert not list(Downsample().parameters())
    assert not Upsample().state_dict()


def backward(generator: R3GANGenerator, discriminator: R3GANDiscriminator) -> list[str]:
    """Names of parameters without gradient."""
    networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
    networks.zero_grad()
    discriminator(generator(torch.randn(16, 3))).sum().backward()
    return [name for name, p in networks.named_parameters() if p.grad is None or not p.grad.any()]


def test_gradients_reach_every_parameter_once_the_branches_have_left_zero() -> None:
    generator, discriminator = R3GANGenerator(1, 28, latent_dim=3, **TINY), R3GANDiscriminator(1, 28, **TINY)
    # Behind a weight of 0 there is no gradient; everywhere else there is.
    waiting = backward(generator, discriminator)
    assert len(waiting) == 4 * (3 + 3)
    assert all(".branch.0." in name or ".branch.2." in name for name in waiting)
    torch.optim.SGD([*generator.parameters(), *discriminator.parameters()], lr=0.1).step()
    assert backward(generator, discriminator) == []


def test_second_derivatives_reach_the_weights() -> None:
    discriminator = R3GANDiscriminator(1, 28, **TINY)
    images = torch.randn(4, 1, 28, 28, requires_grad=True)
    (slopes,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    torch.autograd.backward(slopes.square().sum())
    without = [n for n, p in discriminator.named_parameters() if p.grad is None or not p.grad.any()]
    # R1 and R2 are trained from the first step; only what waits behind a weight of 0 gets nothing yet.
    assert all(".branch.0." in name or ".branch.2." in name for name in without)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 50}, "size is 50; expected sides that are multiples of 8"),
        ({"channels": 0}, "channels is 0; expected at least 1"),
        ({"width": 0}, "width is 0; expected at least 1"),
        ({"blocks": 0}, "blocks is 0; expected at least 1"),
        ({"expansion": 0}, "expansion is 0; expected at least 1"),
        ({"group_size": 0}, "group_size is 0; expected at least 1"),
        ({"width": 4}, "group_size is 16; expected a divisor of width times expansion, 8"),
        ({"widest": 100}, "group_size is 16; expected a divisor of widest times expansion, 200"),
        ({"widest": 0}, "widest is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}"):
        R3GANGenerator(**{"channels": 1, "size": 28, **kwargs})
    with pytest.raises(ValueError, match=rf"^{named}"):
        R3GANDiscriminator(**{"channels": 1, "size": 28, **kwargs})


def test_a_latent_vector_without_entries_is_named() -> None:
    with pytest.raises(ValueError, match=r"latent_dim is 0"):
        R3GANGenerator(1, 28, latent_dim=0)


def test_growth_of_one_keeps_the_papers_width() -> None:
    assert set(widths(R3GANDiscriminator(3, 32, growth=1, **TINY))) == {4}
    assert widths(R3GANGenerator(3, 32, growth=1, **TINY)) == [4] * 4
    with pytest.raises(ValueError, match="growth is 0; expected at least 1"):
        R3GANGenerator(3, 32, growth=0)


def test_labels_are_embedded() -> None:
    labels, latent = torch.tensor([2, 0]), torch.randn(2, 7)
    generator = R3GANGenerator(3, 32, latent_dim=7, num_classes=3, conditional=True, **TINY)
    assert generator.embed is not None
    given = torch.cat([latent, generator.embed.weight.T[labels]], dim=1)
    expected = generator.layers(generator.basis * generator.weigh(given)[:, :, None, None])
    torch.testing.assert_close(generator(latent, labels), expected)
    discriminator = R3GANDiscriminator(3, 32, num_classes=3, conditional=True, **TINY)
    assert discriminator.embed is not None
    directions = discriminator.embed.weight.T[labels]
    torch.testing.assert_close(
        discriminator(expected, labels), (discriminator.layers(expected) * directions).sum(dim=1)
    )
    for network in (generator, discriminator):
        with pytest.raises(ValueError, match="labels is None"):
            network(latent if network is generator else expected)
