from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightning_gans.networks.compact import CompactBlock, CompactDiscriminator, CompactGenerator, compact_map
from lightning_gans.networks.r3gan import ResidualBlock

SIZES: list[Any] = [
    (16, (8, 8, 1)),
    (28, (7, 7, 2)),
    (32, (8, 8, 2)),
    (48, (6, 6, 3)),
    (80, (10, 10, 3)),
    ((96, 160), (6, 10, 4)),
]


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("size", "expected"), SIZES)
def test_the_smallest_map_has_6_to_10_pixels(size: Any, expected: tuple[int, int, int]) -> None:
    assert compact_map(size) == expected


@pytest.mark.parametrize(("size", "expected"), SIZES)
def test_residual_blocks_are_on_the_smallest_map(size: Any, expected: tuple[int, int, int]) -> None:
    sides = []
    generator = CompactGenerator(2, size, latent_dim=3, width=8, blocks=2)
    discriminator = CompactDiscriminator(2, size, width=8, blocks=3, features=5)
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, CompactBlock | ResidualBlock):
                module.register_forward_hook(lambda _module, _inputs, maps: sides.append(maps.shape[1:]))
    images = generator(torch.randn(2, 3))
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2,)
    assert sides == [(8, *expected[:2])] * 5


def test_the_number_of_parameters() -> None:
    """Counted by hand for three channels of 28 pixels, where the smallest map has 7 x 7 pixels and 64 channels."""
    block = 2 * 2 * 64 + 64 * 64 * 9 + (64 * 64 * 9 + 64)
    for taps in (9, 16):
        upsampling = 2 * 64 + 64 * 32 * taps + 2 * 32 + 32 * 3 * taps + 3
        expected = (100 + 1) * 64 * 49 + 2 * block + upsampling
        assert sum(p.numel() for p in CompactGenerator(3, 28, transposed=taps == 16).parameters()) == expected
    block = 64 * 128 + 128 + 128 * 16 * 9 + 128 + 128 * 64
    expected = (3 * 16 + 1) * 32 + (32 * 16 + 1) * 64 + 3 * block + (64 * 49 + 1) * 256 + 256 + 1
    assert sum(p.numel() for p in CompactDiscriminator(3, 28).parameters()) == expected


def test_a_block_of_g_is_two_normalized_convolutions_and_its_input() -> None:
    block, maps = CompactBlock(3, 0).double(), torch.randn(4, 3, 5, 5, dtype=torch.float64)
    one, two = (module for module in block.modules() if isinstance(module, nn.Conv2d))
    hidden = F.conv2d(F.relu(F.batch_norm(maps, None, None, training=True)), one.weight, padding=1)
    hidden = F.conv2d(F.relu(F.batch_norm(hidden, None, None, training=True)), two.weight, two.bias, padding=1)
    torch.testing.assert_close(block(maps, None), maps + hidden)


def test_the_logit_of_an_image_does_not_depend_on_the_others() -> None:
    discriminator = CompactDiscriminator(1, 28, width=8).double()
    images = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    alone = torch.cat([discriminator(image[None]) for image in images])
    torch.testing.assert_close(discriminator(images), alone)


def test_labels_change_the_images_and_the_logit() -> None:
    generator = CompactGenerator(1, 28, latent_dim=3, width=8, num_classes=4, conditional=True)
    norms = [module for module in generator.modules() if hasattr(module, "gain")]
    assert len(norms) == 2 * 2 + 2
    with torch.no_grad():
        for norm in norms:
            assert isinstance(norm.gain, torch.Tensor)
            norm.gain[2] *= 2
    generator.eval()
    latent = torch.randn(1, 3).expand(2, 3)
    same, other = generator(latent, torch.tensor([0, 2]))
    torch.testing.assert_close(same, generator(latent[:1], torch.tensor([1]))[0])
    assert not torch.allclose(same, other)

    discriminator = CompactDiscriminator(1, 28, width=8, features=5, num_classes=4, conditional=True)
    image = torch.rand(1, 1, 28, 28)
    outputs = discriminator.logits(discriminator.layers(image))[0]
    for label in range(4):
        expected = (outputs[0] + outputs[1 + label]).item()
        assert discriminator(image, torch.tensor([label])).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"group_size": 3}, "group_size is 3; expected a divisor of 2 times width, 128"),
        ({"blocks": 0}, "blocks is 0; expected at least 1"),
        ({"features": 0}, "features is 0; expected at least 1"),
    ],
)
def test_arguments_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompactDiscriminator(1, 28, **given)
