"""The distance of images that can be differentiated."""

from __future__ import annotations

import pytest
import torch

from lightning_gans.metrics.image_distance import (
    FeatureChoice,
    ImageDistance,
    blend_on_white,
    choose_features,
    image_distance,
)


@pytest.mark.parametrize(
    ("contents", "channels", "size", "expected"),
    [
        ("pictures", 3, (64, 64), "natural"),
        ("pictures", 1, (28, 28), "natural"),
        ("pictures", 4, (96, 160), "natural"),
        ("pictures", 3, (8, 64), "pixels"),
        ("pictures", 5, (64, 64), "pixels"),
        ("digits", 1, (12, 12), "digits"),
        ("stacked digits", 3, (28, 28), "digits"),
        ("points", 2, (1, 1), "pixels"),
    ],
)
def test_features_are_chosen_by_what_images_show(
    contents: str, channels: int, size: tuple[int, int], expected: FeatureChoice
) -> None:
    assert choose_features(contents, channels, size) == expected


@pytest.mark.parametrize(
    ("choice", "shape", "stacked"),
    [
        ("pixels", (7, 9, 5), False),
        ("digits", (1, 12, 12), False),
        ("digits", (3, 28, 28), True),
        ("natural", (1, 28, 28), False),
        pytest.param("natural", (4, 24, 40), False, marks=pytest.mark.slow),
    ],
)
def test_only_equal_images_have_no_distance_and_it_has_a_gradient(
    choice: FeatureChoice, shape: tuple[int, int, int], stacked: bool
) -> None:
    torch.manual_seed(0)
    distance = image_distance(choice, shape[0], stacked)
    target = torch.rand(1, *shape) * 2 - 1
    images = torch.cat([target, -target, target + 0.1]).clamp(-1, 1).requires_grad_()
    found = distance(images, target)
    assert found[0].item() < 1e-6
    assert found[1] > found[2] > 0
    found.sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert images.grad[1].abs().sum() > 0
    assert not distance.state_dict()


def test_pixels_alone_are_the_mean_squared_difference() -> None:
    images, target = torch.rand(4, 2, 3, 3), torch.rand(1, 2, 3, 3)
    expected = torch.nn.functional.mse_loss(images, target.expand(4, -1, -1, -1), reduction="none").mean(dim=(1, 2, 3))
    torch.testing.assert_close(ImageDistance()(images, target), expected)


def test_alpha_is_composited_on_white() -> None:
    images = torch.tensor([[-0.5, 1.0], [-0.5, -1.0], [-0.5, 0.0]])[:, :, None, None]
    assert blend_on_white(images).flatten().tolist() == [-0.5, 1.0, 0.25]
    assert torch.equal(blend_on_white(images[:, :1]), images[:, :1])


def test_features_of_too_many_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="features is 'natural', but the images have 5 channels; expected 'pixels'"):
        image_distance("natural", 5)
