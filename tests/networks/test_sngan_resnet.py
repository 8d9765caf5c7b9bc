from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.labels import ConditionalBatchNorm
from lightning_gans.networks.layers import DownsampleConv, apply_spectral_norm
from lightning_gans.networks.sngan_resnet import DownBlock, SNGANResNetDiscriminator, SNGANResNetGenerator, UpBlock

LABELS = torch.tensor([0, 2, 1, 2, 0, 1])


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [28, 32, 48, 64])
@pytest.mark.parametrize("conditional", [False, True])
def test_shapes_and_ranges(size: int, conditional: bool) -> None:
    classes: dict[str, Any] = {"num_classes": 3, "conditional": conditional}
    images = SNGANResNetGenerator(3, size, latent_dim=7, width=4, **classes)(torch.randn(6, 7), LABELS)
    assert images.shape == (6, 3, size, size)
    assert images.abs().max() <= 1
    logits = SNGANResNetDiscriminator(3, size, width=4, **classes)(images, LABELS)
    assert logits.shape == (6,)
    assert logits.isfinite().all()


def test_they_have_the_parameters_of_table_4() -> None:
    """Counted by hand for 32 pixels: 256 channels in G, 128 in D."""
    block = 2 * (2 * 256) + 256 * 256 * 9 + (256 * 256 * 9 + 256) + (256 * 256 + 256)
    expected = (128 + 1) * 256 * 16 + 3 * block + 2 * 256 + (256 * 9 + 1) * 3
    assert sum(p.numel() for p in SNGANResNetGenerator(3, 32).parameters()) == expected
    convolution, first = 128 * 128 * 9 + 128, (3 * 9 + 1) * 128 + (3 + 1) * 128
    expected = first + convolution + 2 * convolution + (128 + 1) * 128 + 4 * convolution + 128 + 1
    assert sum(p.numel() for p in SNGANResNetDiscriminator(3, 32).parameters()) == expected


@pytest.mark.parametrize(
    ("size", "ups", "downs"), [(16, 2, 1), (28, 2, 2), (32, 3, 2), (48, 3, 3), (64, 4, 3), (256, 6, 5)]
)
def test_the_number_of_blocks_follows_the_side(size: int, ups: int, downs: int) -> None:
    assert sum(isinstance(m, UpBlock) for m in SNGANResNetGenerator(1, size, width=2).modules()) == ups
    blocks = [m for m in SNGANResNetDiscriminator(1, size, width=2).modules() if isinstance(m, DownBlock)]
    assert [block.halve for block in blocks] == [True] * downs + [False] * 2


def test_growing_channels_are_those_for_128_pixels() -> None:
    # Miyato and Koyama (2018): their networks have 1024 channels on 4 x 4 pixels, and halve them down to 64.
    generator: Any = SNGANResNetGenerator(3, 128, width=64, growth=2)
    assert [block.conv.out_channels for block in generator.blocks] == [1024, 512, 256, 128, 64]
    assert generator.start[0].out_features == 1024 * 4 * 4
    discriminator: Any = SNGANResNetDiscriminator(3, 128, width=64, growth=2)
    assert [block[0].branch[1].out_channels for block in discriminator.feature_blocks()] == [
        64,
        128,
        256,
        512,
        512,
        512,
    ]
    assert discriminator.logit.in_features == 512


def test_an_up_block_is_that_of_the_paper() -> None:
    block, maps = UpBlock(3, 5, ConditionalBatchNorm).double(), torch.randn(4, 3, 4, 4, dtype=torch.float64)
    hidden = F.interpolate(F.relu(F.batch_norm(maps, None, None, training=True)), scale_factor=2)
    hidden = F.conv2d(hidden, block.upsample.weight, padding=1)
    hidden = F.conv2d(
        F.relu(F.batch_norm(hidden, None, None, training=True)), block.conv.weight, block.conv.bias, padding=1
    )
    shortcut = F.conv2d(F.interpolate(maps, scale_factor=2), block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(maps, None), hidden + shortcut)


@pytest.mark.parametrize(("before", "halve", "first"), [(3, True, True), (5, True, False), (5, False, False)])
def test_a_down_block_is_that_of_the_paper(before: int, halve: bool, first: bool) -> None:
    block, maps = DownBlock(before, 5, halve, first).double(), torch.randn(4, before, 6, 6, dtype=torch.float64)
    one, two = (module for module in block.branch if isinstance(module, nn.Conv2d))
    hidden = F.conv2d(maps if first else F.relu(maps), one.weight, one.bias, padding=1)
    hidden = F.conv2d(F.relu(hidden), two.weight, two.bias, padding=1)
    if not halve:
        torch.testing.assert_close(block(maps), maps + hidden)
        return
    assert isinstance(block.shortcut, nn.Conv2d)
    shortcut = F.conv2d(maps, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(maps), F.avg_pool2d(hidden + shortcut, 2))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_downsample_conv_is_a_convolution_and_an_average(memory_format: torch.memory_format) -> None:
    layer = DownsampleConv(3, 5).double().to(memory_format=memory_format)
    maps = torch.randn(2, 3, 6, 8, dtype=torch.float64, requires_grad=True)
    plain = F.avg_pool2d(F.conv2d(maps, layer.weight, layer.bias, padding=1), 2)
    found = layer(maps)
    torch.testing.assert_close(found, plain)
    assert found.is_contiguous(memory_format=memory_format)
    wanted = (maps, *layer.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(found.square().sum(), wanted), torch.autograd.grad(plain.square().sum(), wanted)
    )


def test_each_class_has_its_gain_and_bias() -> None:
    norm, maps = ConditionalBatchNorm(4, 3), torch.randn(6, 4, 5, 5)
    usual = F.batch_norm(maps, None, None, training=True)
    torch.testing.assert_close(norm(maps, LABELS), usual)
    with torch.no_grad():
        norm.gain.copy_(torch.randn(3, 4))
        norm.bias.copy_(torch.randn(3, 4))
    expected = torch.stack(
        [
            one * norm.gain[label][:, None, None] + norm.bias[label][:, None, None]
            for one, label in zip(usual, LABELS, strict=True)
        ]
    )
    torch.testing.assert_close(norm(maps, LABELS), expected)
    torch.testing.assert_close(norm(maps, F.one_hot(LABELS, 3).float()), expected)
    with pytest.raises(ValueError, match="labels is None"):
        norm(maps)


def test_without_classes_it_is_batch_normalization() -> None:
    norm, usual, maps = ConditionalBatchNorm(4), nn.BatchNorm2d(4), torch.randn(6, 4, 5, 5)
    torch.testing.assert_close(norm(maps, LABELS), usual(maps))
    torch.testing.assert_close(norm.eval()(maps), usual.eval()(maps))


def test_the_label_is_projected_on_the_features() -> None:
    """Miyato and Koyama, 2018, eq. 3."""
    network = SNGANResNetDiscriminator(3, 32, width=4, num_classes=3, conditional=True)
    images = torch.rand(6, 3, 32, 32)
    assert network.classes is not None
    features = network.blocks(images).sum(dim=(2, 3))
    expected = network.logit(features)[:, 0] + (network.classes.weight[LABELS] * features).sum(dim=1)
    torch.testing.assert_close(network(images, LABELS), expected)


def test_spectral_normalization_divides_the_rows_of_the_classes_by_their_own_singular_value() -> None:
    network = SNGANResNetDiscriminator(3, 32, width=4, num_classes=3, conditional=True)
    apply_spectral_norm(network)
    for _ in range(20):
        network(torch.rand(2, 3, 32, 32), LABELS[:2])
    network.eval()
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    norms = torch.stack([torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2) for layer in layers])
    assert len(layers) == 3 + 3 + 2 + 2 + 2
    torch.testing.assert_close(norms, torch.ones_like(norms), atol=0.02, rtol=0)


def gradients(network: nn.Module, output: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(output.sum(), list(network.parameters())))


@pytest.mark.parametrize("size", [28, 32])
def test_gradients_reach_every_parameter(size: int) -> None:
    classes: dict[str, Any] = {"num_classes": 3, "conditional": True}
    generator = SNGANResNetGenerator(1, size, latent_dim=3, width=4, **classes)
    discriminator = SNGANResNetDiscriminator(1, size, width=4, **classes)
    images = generator(torch.randn(6, 3), LABELS)
    assert all(part.any() for part in gradients(generator, discriminator(images, LABELS)))
    assert all(part.any() for part in gradients(discriminator, discriminator(images.detach(), LABELS)))


def test_initialization() -> None:
    for network in (SNGANResNetGenerator(3, 32, width=64), SNGANResNetDiscriminator(3, 32, width=64)):
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                fans = layer.weight[0].numel() + layer.weight[:, 0].numel()
                variance = (4 if layer.weight.dim() == 4 and layer.weight.shape[-1] == 3 else 2) / fans
                assert layer.weight.var().item() == pytest.approx(variance, rel=0.25)
                assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0; expected at least 1"),
        ({"growth": 0}, "growth is 0; expected at least 1"),
        ({"size": 30}, "size is 30; expected sides that are multiples of 4"),
        ({"num_classes": None, "conditional": True}, "num_classes is None, as of data without labels"),
    ],
)
@pytest.mark.parametrize("make", [SNGANResNetGenerator, SNGANResNetDiscriminator])
def test_bad_arguments(make: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**{"channels": 3, "size": 32, **change})
