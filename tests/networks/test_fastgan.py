from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from lightning_gans.core.images import Size
from lightning_gans.networks import FastGANDiscriminator, FastGANGenerator
from lightning_gans.networks.fastgan import Excitation, skips
from lightning_gans.networks.fastgan_discriminator import quarter
from lightning_gans.networks.labels import ConditionalBatchNorm
from lightning_gans.networks.noise_injection import NoiseInjection
from lightning_gans.networks.sizes import SmallestMap

SIZES: list[tuple[int, Size, int]] = [
    (1, 28, 1),
    (3, 32, 1),
    (16, 64, 1),
    (2, 128, 2),
    (3, (48, 96), 1),
    (1, (64, 40), 1),
]
"""Channels, size and width."""


@pytest.mark.parametrize(("channels", "size", "width"), SIZES)
def test_shapes_and_ranges(channels: int, size: Size, width: int) -> None:
    generator = FastGANGenerator(channels, size, latent_dim=5, width=width)
    discriminator = FastGANDiscriminator(channels, size, width=width)
    images = generator(torch.randn(2, 5))
    assert images.shape == (2, channels, *generator.size)
    assert images.abs().max() <= 1
    encoding = discriminator(images, encode=True)
    assert encoding.logits.dim() == 2
    assert encoding.logits.isfinite().all()
    for part in range(4):
        found, views = discriminator.reconstruct(encoding, part), discriminator.views(images, part)
        assert [view.shape for view in found] == [view.shape for view in views]
        assert {view.shape for view in views} == {views.whole.shape}
        assert max(view.abs().max() for view in found) <= 1


@pytest.mark.parametrize(("size", "least"), [(64, 1), (256, 4), (1024, 8)])
def test_the_least_width(size: int, least: int) -> None:
    with torch.device("meta"):
        FastGANGenerator(3, size, width=least)
        FastGANDiscriminator(3, size, width=least)
        for width in (least - 1, least // 4):
            with pytest.raises(ValueError, match=f"width is {width}; expected at least"):
                FastGANDiscriminator(3, size, width=width)


@pytest.mark.parametrize("network", [FastGANGenerator, FastGANDiscriminator])
def test_sizes_without_channels_are_refused(network: Any) -> None:
    with pytest.raises(ValueError, match="size is 2048; expected a shorter side of less than 2048 pixels"):
        network(3, 2048)
    with pytest.raises(ValueError, match="size is 50; expected"):
        network(3, 50)


def test_excitations_skip_four_doublings_or_as_many_as_there_are() -> None:
    assert skips(0, 7, length=4) == {4: 0, 5: 1, 6: 2, 7: 3}
    assert skips(0, 3, length=4) == {3: 0}
    assert skips(1, 6, length=3) == {4: 1, 5: 2, 6: 3}
    assert FastGANGenerator(3, 64, width=1).sources == {4: 0}
    assert FastGANDiscriminator(3, 64, width=1).sources == {1: 4}


def test_an_excitation_is_a_factor_in_0_to_1_for_each_channel() -> None:
    module = Excitation(4, 3, SmallestMap(4, 5, 3), level=1)
    small, large = torch.randn(2, 4, 8, 10), torch.randn(2, 3, 32, 40)
    factors = module(small, large) / large
    torch.testing.assert_close(factors, factors.mean(dim=(2, 3), keepdim=True).expand_as(factors))
    assert 0 < factors.min() < factors.max() < 1


@pytest.mark.parametrize(
    ("blocks", "expected"), [("alternating", [2, 1, 2, 1]), ("large", [2] * 4), ("small", [1] * 4)]
)
def test_blocks(blocks: Any, expected: list[int]) -> None:
    network = FastGANGenerator(3, 64, width=1, blocks=blocks)
    assert [sum(isinstance(m, nn.Conv2d) for m in block.modules()) for block in network.blocks] == expected
    injections = [module for module in network.modules() if isinstance(module, NoiseInjection)]
    assert len(injections) == 2 * expected.count(2)
    with pytest.raises(ValueError, match="blocks is 'big'; expected 'alternating', 'large' or 'small'"):
        FastGANGenerator(3, 64, width=1, blocks="big")  # type: ignore[arg-type]


def test_normalized_latents_differ_in_direction_only() -> None:
    latent = torch.randn(2, 5)
    normalizing = FastGANGenerator(3, 32, latent_dim=5, width=1, normalize_latent=True).eval()
    assert torch.equal(normalizing(latent * 4), normalizing(latent))
    plain = FastGANGenerator(3, 32, latent_dim=5, width=1).eval()
    assert not torch.allclose(plain(latent * 4), plain(latent))


def test_a_conditional_generator_uses_labels() -> None:
    network = FastGANGenerator(3, 32, latent_dim=5, width=1, num_classes=3, conditional=True).eval()
    for module in network.modules():
        if isinstance(module, ConditionalBatchNorm):
            nn.init.normal_(module.gain)
    latent = torch.randn(1, 5)
    first, second = (network(latent, torch.tensor([label])) for label in (0, 1))
    assert not torch.allclose(first, second)
    between = network(latent, torch.tensor([[0.5, 0.5, 0.0]]))
    assert not torch.allclose(between, first)
    with pytest.raises(ValueError, match="labels is None"):
        network(latent)


def noisy(network: FastGANGenerator) -> FastGANGenerator:
    for module in network.modules():
        if isinstance(module, NoiseInjection):
            nn.init.constant_(module.weight, 0.5)
    return network


def test_in_evaluation_an_image_depends_on_its_latent_alone() -> None:
    network = noisy(FastGANGenerator(3, 32, latent_dim=5, width=1))
    latent = torch.randn(3, 5)
    assert not torch.equal(network(latent), network(latent))
    network.eval()
    images = network(latent)
    assert torch.equal(network(latent), images)
    torch.testing.assert_close(network(latent[1:2]), images[1:2])


def test_every_weight_is_normalized_and_gets_a_gradient() -> None:
    generator, discriminator = FastGANGenerator(3, 64, latent_dim=5, width=2), FastGANDiscriminator(3, 64, width=2)
    for network in (noisy(generator), discriminator):
        layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
        assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    encoding = discriminator(generator(torch.randn(4, 5)), encode=True)
    decoded = discriminator.reconstruct(encoding, 2)
    loss = encoding.logits.square().mean() + sum(view.square().mean() for view in decoded)
    loss.backward()
    for network in (generator, discriminator):
        assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_logits_do_not_depend_on_what_else_is_returned() -> None:
    discriminator, images = FastGANDiscriminator(1, 28, width=1).eval(), torch.randn(3, 1, 28, 28)
    assert torch.equal(discriminator(images), discriminator(images, encode=True).logits)


def test_a_quarter_and_the_whole_image_are_thinned_to_the_same_size() -> None:
    discriminator = FastGANDiscriminator(1, 64, width=1)
    images = torch.arange(64.0 * 64).view(1, 1, 64, 64)
    for part, (top, left) in enumerate([(0, 0), (0, 32), (32, 0), (32, 32)]):
        expected = images[:, :, top : top + 32, left : left + 32]
        assert torch.equal(quarter(images, part), expected)
        views = discriminator.views(images, part)
        assert torch.equal(views.part, expected)
        assert torch.equal(views.whole, F.interpolate(images, 32, mode="nearest"))


def test_the_quarters_of_the_feature_map_belong_to_those_of_the_image() -> None:
    discriminator = FastGANDiscriminator(1, 64, width=1).eval()
    images = torch.zeros(1, 1, 64, 64, requires_grad=True)
    maps: Tensor = discriminator.blocks[1](discriminator.blocks[0](discriminator.stem(images)))
    (slope,) = torch.autograd.grad(quarter(maps, 1).square().sum() + quarter(maps, 1).sum(), images)
    # A few rows and columns beyond the border are seen as well.
    assert slope[0, 0, :32, 32:].any()
    assert not slope[0, 0, 48:].any()
    assert not slope[0, 0, :, :16].any()
