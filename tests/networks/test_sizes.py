"""The sizes of images that networks support, and that rectangles are as high and as wide as asked."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from lightning_gans.networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    CompactDiscriminator,
    CompactGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    InfoGANDiscriminator,
    InfoGANGenerator,
    R3GANDiscriminator,
    R3GANGenerator,
    ResizeGenerator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)
from lightning_gans.networks.sizes import doubled_map, nearest_sizes, smallest_map


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (16, (4, 4, 2)),
        (28, (7, 7, 2)),
        (32, (4, 4, 3)),
        (48, (6, 6, 3)),
        (64, (4, 4, 4)),
        ((96, 160), (6, 10, 4)),
        ((160, 96), (10, 6, 4)),
        ((16, 256), (4, 64, 2)),
        (1024, (4, 4, 8)),
    ],
)
def test_the_shorter_side_of_the_smallest_map_has_4_to_7_pixels(size: Any, expected: tuple[int, int, int]) -> None:
    assert smallest_map(size) == expected


def test_every_size_has_one_smallest_map_or_none() -> None:
    found = 0
    for height, width in product(range(16, 72), repeat=2):
        maps = [
            (height >> n, width >> n, n)
            for n in range(6)
            if height % 2**n == width % 2**n == 0 and 4 <= min(height, width) >> n <= 7
        ]
        made = doubled_map((height, width))
        assert maps == ([] if made is None else [made])
        found += len(maps)
    assert found > 100


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (30, "size is 30; expected sides that are multiples of 4, such as 32 or 28"),
        (12, "size is 12; expected sides of at least 16 pixels that are multiples of 4, such as 16"),
        ((100, 150), "size is 100 x 150; expected sides that are multiples of 16, such as 96 x 144 or 96 x 160"),
        ((1080, 1920), "size is 1080 x 1920; expected sides that are multiples of 256, such as 1024 x 2048 or"),
        (0, "size is 0; expected at least 1"),
    ],
)
def test_other_sizes_are_refused_with_near_ones(size: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        smallest_map(size)


def test_the_near_sizes_can_be_used() -> None:
    for side in range(1, 300, 7):
        for size in (side, (side, 100), (45, side)):
            near = nearest_sizes(size)
            assert near
            for other in near:
                smallest_map(other)


@pytest.mark.parametrize(
    ("generator", "discriminator", "given"),
    [
        (DCGANGenerator, DCGANDiscriminator, {"width": 2}),
        (R3GANGenerator, R3GANDiscriminator, {"width": 2, "blocks": 1, "group_size": 4}),
        (SNGANResNetGenerator, SNGANResNetDiscriminator, {"width": 2}),
        (CompactGenerator, CompactDiscriminator, {"width": 8, "blocks": 1}),
        (StyleGAN2Generator, StyleGAN2Discriminator, {"width": 2, "mapping_layers": 2}),
        (InfoGANGenerator, InfoGANDiscriminator, {"width": 2, "dense": 3}),
        (BigGANGenerator, BigGANDiscriminator, {"width": 1, "attention": 8}),
        (ResizeGenerator, None, {"width": 2}),
    ],
)
@pytest.mark.parametrize(("channels", "size"), [(4, (32, 48)), (16, (24, 16)), (2, (16, 64))])
def test_rectangles_of_many_channels(
    generator: Any, discriminator: Any, given: dict[str, int], channels: int, size: tuple[int, int]
) -> None:
    classes: dict[str, Any] = {} if discriminator is None else {"num_classes": 3, "conditional": True}
    labels = torch.tensor([2, 0])
    made = generator(channels, size, latent_dim=4, **given, **classes)
    images = made(torch.randn(2, 4), labels)
    assert images.shape == (2, channels, *size)
    assert made.size == size
    if discriminator is not None:
        judge = discriminator(channels, size, **given, **classes)
        logits = judge(images, labels)
        assert logits.shape == (2,)
        logits.sum().backward()
        assert made.state_dict().keys()
        assert all(parameter.grad is not None for parameter in judge.parameters())
        assert judge.size == size


@pytest.mark.parametrize(
    ("generator", "discriminator", "given"),
    [
        (DCGANGenerator, DCGANDiscriminator, {"width": 1}),
        (R3GANGenerator, R3GANDiscriminator, {"width": 1, "blocks": 1, "group_size": 2}),
        (SNGANResNetGenerator, SNGANResNetDiscriminator, {"width": 1}),
        (StyleGAN2Generator, StyleGAN2Discriminator, {"width": 1}),
        (BigGANGenerator, BigGANDiscriminator, {"width": 1, "attention": 16}),
    ],
)
@torch.no_grad()
def test_large_networks_fit_together(generator: Any, discriminator: Any, given: dict[str, int]) -> None:
    for height, width in ((128, 128), (256, 384)):
        images = generator(3, (height, width), latent_dim=7, **given)(torch.randn(2, 7))
        assert images.shape == (2, 3, height, width)
        assert discriminator(3, (height, width), **given)(images).shape == (2,)


def test_a_transposed_network_makes_transposed_images() -> None:
    torch.manual_seed(0)
    tiny: dict[str, Any] = {"latent_dim": 3, "width": 2, "blocks": 1, "group_size": 4}
    wide, high = R3GANGenerator(2, (16, 24), **tiny), R3GANGenerator(2, (24, 16), **tiny)
    high.load_state_dict(
        {name: value.transpose(-1, -2) if value.ndim > 2 else value for name, value in wide.state_dict().items()}
    )
    latent = torch.randn(2, 3)
    torch.testing.assert_close(wide(latent).transpose(2, 3), high(latent))
