"""Images from transformed positions: closed forms, gradients, and what must not matter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lightning_gans.components.augmentations import resampling
from lightning_gans.components.augmentations.corruptions import amplify_bands, band_filters, band_matrices
from lightning_gans.components.augmentations.geometry import rotation, scaling, translation
from lightning_gans.components.augmentations.resampling import reflected, transform
from tests.support.closed_form import numbers
from tests.support.operations import WITHOUT_DETERMINISTIC_CUDA_CODE, Operations


def each(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def every_kind() -> Tensor:
    """An image that stays, one that is moved, one that is turned upright and four that are rotated."""
    kinds = [
        torch.eye(3, dtype=torch.float64)[None],
        scaling(each(-0.9), each(1.2)) @ translation(each(1.5), each(-2.0)),
        rotation(each(math.pi / 2)).round() @ scaling(each(0.8), each(1.1)),
        rotation(each(0.3, 1.2, -2.5, 3.0)) @ scaling(each(0.7, 1.3, 1.0, 1.1), each(1.2, 0.9, 1.0, 0.8)),
    ]
    return torch.cat(kinds)


def test_the_identity_returns_the_images_themselves() -> None:
    images = torch.rand(3, 2, 5, 4)
    assert transform(images, torch.eye(3, dtype=torch.float64).expand(3, 3, 3)) is images


@pytest.mark.parametrize("size", [(8, 13), (13, 8), (7, 7)])
def test_whole_pixels_are_moved_as_they_are_and_the_reflection_follows(size: tuple[int, int]) -> None:
    images = numbers((2, 3, *size), 1).float()
    moved = transform(images, translation(each(3, -20), each(-2, 40)))
    for image, result, (x, y) in zip(images, moved, [(3, -2), (-20, 40)], strict=True):
        rows, columns = (reflected(torch.arange(side) + by, side) for side, by in zip(size, (y, x), strict=True))
        torch.testing.assert_close(result, image[:, rows][:, :, columns], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(6, 20), (20, 6), (9, 9), (1, 4)])
def test_one_color_stays_one_color_whatever_the_transformation(size: tuple[int, int]) -> None:
    """The low-pass filter keeps it, and no image has a border: a wide one is turned upright."""
    positions = torch.cat([every_kind(), rotation(each(math.pi / 2)) @ scaling(each(3), each(5))])
    images = torch.full((len(positions), 1, *size), 0.7)
    torch.testing.assert_close(transform(images, positions), images, rtol=0, atol=1e-5)


def test_a_slow_wave_is_sampled_where_it_is() -> None:
    height, width = 24, 30
    y, x = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2 for side in (height, width))

    def wave(x: Tensor, y: Tensor) -> Tensor:
        return torch.sin(0.25 * x + 0.15 * y)

    positions = every_kind()
    images = wave(x, y[:, None]).expand(len(positions), 1, -1, -1).float()
    found = transform(images, positions)[:, 0, 9:15, 12:18]
    places = torch.stack([x.expand(height, -1), y[:, None].expand(-1, width), torch.ones(height, width)])
    there = torch.einsum("nij,jhw->nihw", positions, places)
    expected = wave(there[:, 0], there[:, 1])[:, 9:15, 12:18]
    # Outside of the image there is its reflection, which some of the rotated images show.
    inside = (there[:, 0].abs() < width / 2 - 4) & (there[:, 1].abs() < height / 2 - 4)
    inside = inside[:, 9:15, 12:18]
    assert inside.float().mean() > 0.95
    # The filter is not quite symmetric, so that a rotated image is moved by a fraction of a pixel.
    torch.testing.assert_close(found[inside], expected[inside].float(), rtol=0, atol=0.06)


@pytest.mark.parametrize("channels", [1, 3, 16])
def test_an_image_does_not_depend_on_the_others_nor_on_how_many_are_computed_at_once(
    channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = every_kind()
    images = numbers((len(positions), channels, 9, 12), 2).float()
    alone = torch.cat([transform(images[i : i + 1], positions[i : i + 1]) for i in range(len(images))])
    for limit in (1, 2**30):
        monkeypatch.setattr(resampling, "CPU_CHUNK", limit)
        torch.testing.assert_close(transform(images, positions), alone, rtol=0, atol=2e-5)


def test_it_can_be_differentiated_twice() -> None:
    positions = every_kind()[[0, 1, 2, 3]]
    images = numbers((4, 1, 3, 4), 3).requires_grad_(True)

    def squares(given: Tensor) -> Tensor:
        return transform(given, positions).square()

    assert torch.autograd.gradcheck(squares, images)
    assert torch.autograd.gradgradcheck(squares, images)


def test_no_operation_lacks_a_deterministic_implementation_on_cuda() -> None:
    operations, images = Operations(), torch.rand(7, 2, 6, 5, requires_grad=True)
    with operations:
        (slope,) = torch.autograd.grad(transform(images, every_kind()).square().sum(), images, create_graph=True)
        torch.autograd.grad(slope.square().sum(), images)
    assert "index_select.default" in operations.names
    assert not {name.partition(".")[0] for name in operations.names} & WITHOUT_DETERMINISTIC_CUDA_CODE


def test_bands_are_parts_of_a_row_that_add_up_to_it() -> None:
    torch.testing.assert_close(band_filters().sum(dim=0), (torch.arange(43) == 21).double())
    torch.testing.assert_close(band_matrices(20, torch.device("cpu")).sum(dim=0), torch.eye(20))
    # Waves along rows, of a sixteenth of the highest frequency and of the highest; columns have the lowest, 0.
    for period, band in ((32, 0), (2, 3)):
        wave = torch.cos(torch.arange(64) * 2 * math.pi / period).expand(1, 1, 64, -1)
        for gained in range(4):
            gains = torch.ones(1, 4)
            gains[0, gained] = 2
            louder = amplify_bands(wave, gains)[..., 30, :].std() / wave[..., 30, :].std()
            assert louder.item() == pytest.approx((gains[0, band] * gains[0, 0]).item(), rel=0.1)
