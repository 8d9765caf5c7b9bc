"""pix2pix's and CycleGAN's networks against what the authors' own code makes of the same weights and images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import AttentionTranslator, PatchGAN, PixelGAN, ResNetTranslator, UNet
from lightning_gans.networks.layers import BatchNorm, InstanceNorm
from tests.support.closed_form import assert_is, fill, numbers, reference

UNETS = reference(__file__, "unet")["cases"]
PATCHES = reference(__file__, "patchgan")["cases"]
RESNETS = reference(__file__, "resnet_translator")["cases"]


def assert_same(
    network: nn.Module, expected: dict[str, Any], ours_alone: tuple[str, ...] = (), crossed: Iterable[Tensor] = ()
) -> None:
    """The network maps images, and slopes back to them, as the authors' does.

    Args:
        network: with its parameters in the order of the authors'.
        expected: one case of a file of references.
        ours_alone: parameters that the authors' network lacks; they are set to 0.
        crossed: weights whose input channels' halves the authors have the other way round.
    """
    network.double()
    parameters = dict(network.named_parameters())
    for name in ours_alone:
        nn.init.zeros_(parameters.pop(name))
    fill(parameters.values(), expected["parameters"])
    for weight in crossed:
        with torch.no_grad():
            weight.copy_(weight.roll(len(weight) // 2, 0))
    images = numbers(expected["images"], 1000).requires_grad_(True)
    output: Tensor = network(images)
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), images)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


def assert_same_unet(network: UNet, expected: dict[str, Any], ours_alone: tuple[str, ...] = ()) -> None:
    """As :func:`assert_same`; the authors put the map from across before the one from below, ours puts it after."""
    joined = [layer for layer in network.up.modules() if isinstance(layer, nn.ConvTranspose2d)][1:]
    assert_same(network, expected, ours_alone, [layer.weight for layer in joined])


OURS_ALONE = ("down.0.0.bias", "down.5.1.bias")
"""The authors' PyTorch code has no biases in its first and innermost layers beside batch normalization; ours has."""


def test_unet_is_the_authors_in_training() -> None:
    assert_same_unet(UNet(3, 2, 64, width=4, dropout=0.0), UNETS["batch_norm_64"], OURS_ALONE)


def test_unet_in_evaluation_is_the_authors_with_each_image_alone() -> None:
    assert_same_unet(UNet(3, 2, 64, width=4, dropout=0.0).eval(), UNETS["batch_norm_64_alone"], OURS_ALONE)


def test_unet_with_instance_norm_is_the_authors_without_their_idle_biases() -> None:
    expected = UNETS["instance_norm_128"]
    # One before each norm: 5 on the way down, 6 on the way up.
    assert len(expected["idle"]) == 11
    assert_same_unet(UNet(3, 2, 128, width=4, norm=InstanceNorm, dropout=0.0), expected)


def test_unet_drops_activations_where_the_authors_pytorch_code_does(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = UNETS["dropout_256"]
    calls = 0

    def dropout(maps: Tensor, share: float, training: bool, inplace: bool) -> Tensor:
        nonlocal calls
        kept = numbers(maps.shape, 3000 + calls) > 2 * share - 1
        calls += 1
        return maps * kept / (1 - share)

    monkeypatch.setattr(nn.functional, "dropout", dropout)
    network = UNet(1, 1, 256, width=2, dropout=0.5, dropout_from=1)
    assert_same_unet(network, expected, ("down.0.0.bias", "down.7.1.bias"))
    assert calls == expected["dropped"]


@pytest.mark.parametrize(
    ("network", "case"),
    [
        (PatchGAN(6, layers=3, width=4), "patch_batch_norm"),
        (PatchGAN(6, layers=3, width=4).eval(), "patch_batch_norm_alone"),
        (PatchGAN(3, layers=1, width=4), "patch_one_layer"),
        (PatchGAN(3, layers=5, width=2, norm=InstanceNorm), "patch_five_layers_instance_norm"),
    ],
    ids=["training", "evaluation", "one layer", "five layers"],
)
def test_patchgan_is_the_authors(network: nn.Module, case: str) -> None:
    assert_same(network, PATCHES[case])


def test_pixelgan_is_the_authors() -> None:
    # Their last layer has a bias beside instance normalization only.
    assert_same(PixelGAN(6, width=4), PATCHES["pixel_batch_norm"], ("layers.5.bias",))
    assert_same(PixelGAN(6, width=4, norm=InstanceNorm), PATCHES["pixel_instance_norm"])


def test_resnet_translator_is_the_authors_without_their_idle_biases() -> None:
    expected = RESNETS["instance_norm"]
    # One before each norm: 3 on the way in, 2 in each of 6 blocks, 2 on the way out.
    assert len(expected["idle"]) == 17
    assert_same(ResNetTranslator(3, 2, 24, blocks=6, width=4), expected)


def test_resnet_translator_with_batch_norm_is_the_authors() -> None:
    assert_same(ResNetTranslator(3, 2, 24, blocks=2, width=4, norm=BatchNorm), RESNETS["batch_norm"])


def test_attention_translator_is_the_authors_without_their_idle_biases() -> None:
    found = reference(__file__, "attention_translator")
    assert_same(AttentionTranslator(3, 3, 24, blocks=2, width=4), found["cases"]["two_blocks"])
    parameters = sum(p.numel() for p in AttentionTranslator(3, 3, 256).parameters())
    assert parameters == found["paper_parameters"] - found["paper_idle"]
