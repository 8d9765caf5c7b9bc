"""Patch discriminators of several scales, and the features of patch discriminators."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from lightning_gans.networks import InstanceNorm, MultiScalePatchGAN, PatchGAN, PixelGAN
from lightning_gans.networks.layered import PatchJudgment, feature_distance, judge_patches
from lightning_gans.networks.multi_scale import half_size


def test_each_scale_is_a_patchgan_of_images_of_half_the_sides() -> None:
    network, images = MultiScalePatchGAN(3, scales=3, layers=1, width=2), torch.randn(2, 3, 32, 48)
    found = network(images, judge=True)
    for scale, judged in zip(network.scales, found, strict=True):
        assert torch.equal(scale(images), judged.logits)
        images = half_size(images)
    logits = network(torch.randn(2, 3, 32, 48))
    assert logits.shape == (2, sum(judged.logits[0].numel() for judged in found))


def test_half_size_is_the_mean_of_the_pixels_that_are_there() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    # In the corner 0, 1, 4 and 5; beside it 1 to 3, 5 to 7.
    torch.testing.assert_close(half_size(image)[0, 0, 0], torch.tensor([2.5, 4.0]))
    assert half_size(torch.zeros(1, 1, 5, 7)).shape == (1, 1, 3, 4)


def test_features_are_those_below_the_logits() -> None:
    network, images = PatchGAN(3, layers=2, width=2, norm=InstanceNorm), torch.randn(1, 3, 32, 32)
    (judged,) = network(images, judge=True)
    assert torch.equal(judged.logits, network(images))
    assert [maps.shape[1] for maps in judged.features] == [2, 4, 8]
    assert torch.equal(network.layers[-1](judged.features[-1]), judged.logits)
    torch.testing.assert_close(judged.features[0], F.leaky_relu(network.layers[0](images), 0.2))
    (pixels,) = PixelGAN(3, width=2, norm=InstanceNorm)(images, judge=True)
    assert [maps.shape[1] for maps in pixels.features] == [2, 4]
    (alone,) = judge_patches(network, images)
    assert torch.equal(alone.logits, judged.logits)


def test_the_distance_is_the_sum_over_layers_and_the_mean_over_scales() -> None:
    def judged(*values: float) -> PatchJudgment:
        return PatchJudgment(torch.zeros(1, 1, 1, 1), [torch.full((2, 3, 2, 2), value) for value in values])

    distance = feature_distance([judged(1, 5), judged(2)], [judged(4, 3), judged(9)])
    assert distance.item() == ((3 + 2) + 7) / 2


def test_blocks_of_all_scales_are_frozen_together() -> None:
    network = MultiScalePatchGAN(3, scales=2, layers=2, width=2)
    blocks = network.feature_blocks()
    assert len(blocks) == 3
    stacks = [scale.layers for scale in network.scales if isinstance(scale, PatchGAN)]
    assert len(stacks) == 2
    first = {id(weight) for module in blocks[0] for weight in module.parameters()}
    assert first == {id(weight) for layers in stacks for weight in layers[0].parameters()}
    kept = {id(weight) for block in blocks for module in block for weight in module.parameters()}
    last = {id(weight) for layers in stacks for weight in layers[-1].parameters()}
    assert not kept & last
    assert len(kept | last) == len(list(network.parameters()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scales": 0}, "scales is 0; expected at least 1"),
        ({"layers": 0}, "layers is 0; expected at least 1"),
        ({"padding": 3}, "padding is 3; expected 1 or 2"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiScalePatchGAN(3, **arguments)
