from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from lightning_gans.metrics import EfficientNetFeatures
from lightning_gans.networks import ProjectedDiscriminator
from lightning_gans.networks.efficientnet import FrozenLite0, efficientnet_lite0, lite0_name
from lightning_gans.networks.layers import apply_spectral_norm
from lightning_gans.networks.projected import resized_sides

TINY: dict[str, Any] = {"width": 2, "resize": 128}


@pytest.fixture(scope="module")
def discriminator() -> ProjectedDiscriminator:
    torch.manual_seed(0)
    return ProjectedDiscriminator(3, 64, **TINY)


def test_feature_maps_are_those_of_the_network_in_evaluation_mode() -> None:
    images, frozen, network = torch.randn(1, 3, 64, 96), FrozenLite0().train(), efficientnet_lite0()
    with torch.no_grad():
        maps, before = [], network.bn1(network.conv_stem(images))
        for stage in network.blocks:
            before = stage(before)
            maps.append(before)
        found = frozen(images)
    expected = [maps[index] for index in (1, 2, 4, 6)]
    assert tuple(each.shape[1] for each in found) == FrozenLite0.channels
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_frozen_weights_are_no_parameters_and_only_the_mixtures_are_stored(
    discriminator: ProjectedDiscriminator,
) -> None:
    names = [name for name, _ in discriminator.named_parameters()]
    assert names
    assert all(name.startswith("scales.") for name in names)
    stored = discriminator.state_dict()
    assert not any(name.startswith("features.") for name in stored)
    assert any(name.startswith("projection.") for name in stored)
    torch.manual_seed(1)
    other, images = ProjectedDiscriminator(3, 64, **TINY).eval(), torch.randn(2, 3, 64, 64)
    discriminator.eval()
    assert not torch.equal(other(images), discriminator(images))
    other.load_state_dict(stored)
    assert torch.equal(other(images), discriminator(images))
    discriminator.train()


def test_weights_of_another_feature_network_are_refused(discriminator: ProjectedDiscriminator) -> None:
    changed = {**discriminator.state_dict(), "features_hash": torch.tensor(0x1234)}
    with pytest.raises(ValueError, match=r"other weights of its frozen network \(00001234\)"):
        discriminator.load_state_dict(changed)


def test_gradients_reach_the_images_and_all_parameters(discriminator: ProjectedDiscriminator) -> None:
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    logits = discriminator(images)
    assert logits.shape == (2, 4)
    logits.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().amax(dim=(1, 2, 3)).min() > 0
    assert [name for name, p in discriminator.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert all(not buffer.requires_grad for buffer in discriminator.buffers())


def test_small_images_are_enlarged_and_gray_ones_copied(discriminator: ProjectedDiscriminator) -> None:
    discriminator.eval()
    images = torch.randn(1, 3, 64, 64)
    large = ProjectedDiscriminator(3, 128, **TINY).eval()
    large.load_state_dict(discriminator.state_dict())
    enlarged = F.interpolate(images, 128, mode="bilinear", align_corners=False)
    torch.testing.assert_close(discriminator(images), large(enlarged))
    gray = ProjectedDiscriminator(1, 64, **TINY).eval()
    gray.load_state_dict(discriminator.state_dict())
    assert torch.equal(gray(images[:, :1]), discriminator(images[:, :1].expand(-1, 3, -1, -1)))
    discriminator.train()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 64), (224, 224)),
        ((28, 28), (224, 224)),
        ((48, 96), (224, 448)),
        ((256, 320), (256, 320)),
        ((250, 300), (256, 288)),
    ],
)
def test_sides_are_multiples_of_32_and_not_less_than_224(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert resized_sides(size, 224) == expected


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="channels is 4; expected 1 or 3"):
        ProjectedDiscriminator(4, 64)
    for resize in (96, 130):
        with pytest.raises(ValueError, match=f"resize is {resize}; expected a multiple of 32, at least 128"):
            ProjectedDiscriminator(3, 64, resize=resize)


def test_a_conditional_discriminator_uses_labels() -> None:
    network = ProjectedDiscriminator(3, 64, **TINY, num_classes=3, conditional=True).eval()
    images = torch.randn(1, 3, 64, 64)
    first, second = (network(images, torch.tensor([label])) for label in (0, 1))
    assert not torch.allclose(first, second)
    weights = torch.tensor([[0.0, 1.0, 0.0]])
    torch.testing.assert_close(network(images, weights), second)


def test_the_convolutions_that_judge_are_normalized_once_and_the_features_never() -> None:
    network = ProjectedDiscriminator(3, 64, **TINY)
    apply_spectral_norm(network)  # as SNGAN does
    for name, module in network.named_modules():
        normalized = parametrize.is_parametrized(module, "weight")
        if isinstance(module, nn.Conv2d):
            assert normalized is name.startswith("scales."), name
            assert not normalized or len(module.get_submodule("parametrizations.weight")) == 1  # type: ignore[arg-type]


def test_on_the_meta_device_nothing_is_loaded() -> None:
    with torch.device("meta"):
        network = ProjectedDiscriminator(3, 64, **TINY)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    made = ProjectedDiscriminator(3, 64, **TINY).state_dict()
    assert shapes == {name: value.shape for name, value in made.items()}
    assert not list(network.features.buffers())


def test_the_name_of_the_features_is_that_of_the_stamps(discriminator: ProjectedDiscriminator) -> None:
    assert discriminator.judges_in == lite0_name()
    assert EfficientNetFeatures().description.startswith(f"{lite0_name()},")
