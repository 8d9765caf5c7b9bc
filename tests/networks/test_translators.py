from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks import AttentionTranslator, ResNetTranslator, UNet
from lightning_gans.networks.layers import BatchNorm


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_unet_keeps_the_size_and_makes_the_channels(size: int) -> None:
    translated = UNet(3, 1, size, width=1)(torch.randn(1, 3, size, size))
    assert translated.shape == (1, 1, size, size)
    assert translated.abs().max() <= 1


def test_translators_of_rectangles_keep_their_size() -> None:
    sizes: list[tuple[Any, tuple[int, int]]] = [(UNet, (64, 128)), (UNet, (192, 64)), (ResNetTranslator, (16, 24))]
    for network, size in sizes:
        translated = network(2, 3, size, width=1)(torch.randn(1, 2, *size))
        assert translated.shape == (1, 3, *size)


def test_unet_has_the_papers_layers() -> None:
    network = UNet(3, 3, 256)
    down = [m.out_channels for m in network.down.modules() if isinstance(m, nn.Conv2d)]
    up = [m.in_channels for m in network.up.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    # Not at the image, not at the single pixel, not at the output.
    assert sum(isinstance(m, BatchNorm) for m in network.down.modules()) == 6
    assert sum(isinstance(m, BatchNorm) for m in network.up.modules()) == 7


@pytest.mark.parametrize(("dropout_from", "blocks"), [(0, [0, 1, 2]), (1, [1, 2, 3])])
def test_unet_drops_activations_in_three_blocks(dropout_from: int, blocks: list[int]) -> None:
    network = UNet(3, 3, 256, width=1, dropout_from=dropout_from)
    dropping = [i for i, block in enumerate(network.up) if any(isinstance(m, nn.Dropout) for m in block.modules())]
    assert dropping == blocks


def test_unet_hands_each_map_across_to_its_mirror_image() -> None:
    network = UNet(1, 1, 64, width=2, dropout=0.0)
    seen: list[torch.Size] = []
    for block in network.up:
        block.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    network(torch.randn(1, 1, 64, 64))
    shapes = [(16, 1, 1), (32, 2, 2), (32, 4, 4), (16, 8, 8), (8, 16, 16), (4, 32, 32)]
    assert [tuple(shape[1:]) for shape in seen] == shapes


@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize("side", [32, 36, 128])
def test_resnet_translator_keeps_the_size(side: int, upsample: bool) -> None:
    translated = ResNetTranslator(1, 3, side, blocks=1, width=2, upsample=upsample)(torch.randn(1, 1, side, side))
    assert translated.shape == (1, 3, side, side)
    assert translated.abs().max() <= 1


def test_resnet_translator_has_the_papers_layers() -> None:
    network = ResNetTranslator(3, 3, 128, blocks=6)
    widths = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert widths == [64, 128, 256, *[256] * 12, 128, 64, 3]


@pytest.mark.parametrize(
    ("network", "kwargs", "named"),
    [
        (UNet, {"size": 100}, r"size is 100; expected one of \[64, 128, 256, 512\]"),
        (UNet, {"size": (100, 200)}, r"the shorter side of size is 100; expected one of \[64, 128, 256, 512\]"),
        (UNet, {"size": (64, 96)}, r"size is 64 x 96; expected a longer side that is a multiple of the shorter one"),
        (UNet, {"size": 64, "dropout": 1.0}, r"dropout is 1\.0"),
        (UNet, {"size": 64, "dropout_from": 2}, r"dropout_from is 2; expected 0 or 1"),
        (UNet, {"size": 64, "dropout_blocks": 0}, r"dropout_blocks is 0; expected at least 1"),
        (AttentionTranslator, {"size": 64, "contents": 0}, r"contents is 0; expected at least 1"),
        (AttentionTranslator, {"size": 30}, r"size is 30; expected a multiple of 4"),
        (ResNetTranslator, {"size": 64, "dropout": 1.0}, r"dropout is 1\.0; expected a probability"),
        (ResNetTranslator, {"size": 64, "upsample": True, "antialias_up": True}, r"upsample and antialias_up are both"),
        (ResNetTranslator, {"size": 30}, r"size is 30; expected a multiple of 4"),
        (ResNetTranslator, {"size": (32, 30)}, r"size is 32 x 30; expected multiples of 4"),
        (ResNetTranslator, {"size": 64, "blocks": 0}, r"blocks is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(network: Any, kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        network(3, 3, **kwargs)


def test_attention_masks_add_up_to_one_and_may_keep_the_input() -> None:
    network = AttentionTranslator(3, 3, 16, contents=2, blocks=1, width=2)
    images = torch.rand(2, 3, 16, 24) * 2 - 1
    mixed, masks = network.parts(images)
    assert mixed.shape == (2, 3, 3, 16, 24)
    assert masks.shape == (2, 3, 1, 16, 24)
    assert torch.equal(mixed[:, -1], images)
    assert torch.allclose(masks.sum(dim=1), torch.ones(2, 1, 16, 24))
    last = network.masks[-2]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    nn.init.constant_(last.bias[-1:], 1000.0)  # all of the mask on the background
    assert torch.allclose(network(images), images)


def test_attention_translator_needs_equal_channels() -> None:
    with pytest.raises(ValueError, match=r"channels_out is 3 but channels_in is 1; expected the same"):
        AttentionTranslator(1, 3, 16)
