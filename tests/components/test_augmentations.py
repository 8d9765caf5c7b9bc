from __future__ import annotations

import pytest
import torch

from lightning_gans.components.augmentations import DiffAugment, InstanceNoise, cut_out, jitter_color, translate
from lightning_gans.components.schedules import CosineSchedule


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_augmented_in_its_own_way(channels: int) -> None:
    image = torch.rand(1, channels, 16, 16).expand(8, -1, -1, -1)
    augmented = DiffAugment()(image)
    assert augmented.shape == image.shape
    assert len(torch.unique(augmented.flatten(1), dim=0)) == 8


def test_the_gradient_reaches_the_pixels_that_remain() -> None:
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(DiffAugment()(images).sum(), images)
    assert torch.isfinite(slope).all()
    # At most half of the sides are cut out and an eighth shifted away.
    assert (slope != 0).float().mean() > 0.5


def test_translation_moves_whole_pixels_by_at_most_its_share_and_fills_with_zero() -> None:
    images = torch.zeros(200, 1, 16, 16)
    images[:, :, 8, 8] = 1
    moved = translate(images, 0.125)
    assert torch.equal(moved.sum(dim=(1, 2, 3)), torch.ones(200))
    place = moved.nonzero()[:, 2:]
    assert place.min() == 8 - 2
    assert place.max() == 8 + 2
    assert len(torch.unique(place, dim=0)) == 25
    full = translate(torch.ones(200, 1, 16, 16), 0.125)
    assert full.sum(dim=(1, 2, 3)).min() == 14 * 14


def test_cutout_clears_a_square_of_its_share() -> None:
    kept = cut_out(torch.ones(300, 2, 16, 16), 0.5)
    cleared = (kept == 0).sum(dim=(2, 3))
    assert torch.equal(cleared[:, 0], cleared[:, 1])
    assert cleared.max() == 8 * 8
    # A quarter of the square stays where its center is in a corner.
    assert cleared.min() >= 4 * 4
    rows = (kept[:, 0] == 0).any(dim=2).sum(dim=1)
    columns = (kept[:, 0] == 0).any(dim=1).sum(dim=1)
    assert torch.equal(rows * columns, cleared[:, 0])


def test_color_keeps_edges_and_gray() -> None:
    gray = torch.rand(5, 1, 8, 8).expand(-1, 3, -1, -1)
    changed = jitter_color(gray)
    torch.testing.assert_close(changed[:, 0], changed[:, 2])
    # An affine map of each gray image: the order of its pixels stays.
    assert torch.equal(changed[:, 0].flatten(1).argsort(dim=1), gray[:, 0].flatten(1).argsort(dim=1))


def test_parts_can_be_left_out() -> None:
    images = torch.rand(3, 3, 8, 8)
    assert torch.equal(DiffAugment(color=False, translation=0, cutout=0)(images), images)


@pytest.mark.parametrize("key", ["translation", "cutout"])
def test_shares_outside_zero_to_one_are_named(key: str) -> None:
    with pytest.raises(ValueError, match=rf"{key} is 1\.5"):
        DiffAugment(**{key: 1.5})  # type: ignore[arg-type]


def test_instance_noise_follows_its_schedule() -> None:
    images, noise = torch.full((50, 3, 8, 8), 0.25), InstanceNoise(CosineSchedule(0.4, 0.0, steps=10))
    for step, std in ((0, 0.4), (5, 0.2), (10, 0.0)):
        noise.adapt(step, 100)
        assert noise.scalars()["noise_std"] == pytest.approx(std, abs=1e-9)
        moved = noise(images) - images
        assert moved.std().item() == pytest.approx(std, rel=0.05)
        assert moved.mean().item() == pytest.approx(0, abs=0.02)
    assert noise(images) is images
    assert InstanceNoise(0.1)(images).std().item() == pytest.approx(0.1, rel=0.05)
    with pytest.raises(ValueError, match="std is -1"):
        InstanceNoise(-1)
