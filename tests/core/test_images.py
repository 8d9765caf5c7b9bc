from __future__ import annotations

import pytest
import torch

from lightning_gans.core.images import Size, height_width, on_white, plain_size, square_side, to_float, to_uint8


@pytest.mark.parametrize(("size", "expected"), [(28, (28, 28)), ((28, 28), (28, 28)), ((3, 4), (3, 4))])
def test_a_number_is_a_square(size: Size, expected: tuple[int, int]) -> None:
    assert height_width(size) == expected


def test_squares_are_written_as_one_number() -> None:
    assert plain_size((28, 28)) == plain_size(28) == 28
    assert plain_size((3, 4)) == (3, 4)


def test_only_squares_have_a_side() -> None:
    assert square_side((28, 28)) == 28
    with pytest.raises(ValueError, match=r"^load_size is 3 x 4; expected equal height and width$"):
        square_side((3, 4), "load_size")


@pytest.mark.parametrize("size", [0, (0, 4), (4, -1)])
def test_sides_are_positive(size: Size) -> None:
    with pytest.raises(ValueError, match=r"^size is (0|-1); expected at least 1$"):
        height_width(size)


def test_pixels_round_trip_exactly_and_round_to_the_nearest_level() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    images = to_float(levels)
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert torch.equal(to_uint8(images), levels)
    kept = images.clone()
    assert torch.equal(to_uint8(images + 0.4 / 127.5), levels)
    assert torch.equal(images, kept)
    assert to_uint8(torch.tensor([-1.5, 1.5])).tolist() == [0, 255]


def test_images_with_alpha_are_composited_on_white() -> None:
    images = torch.tensor([[100, 0], [100, 255], [100, 128]], dtype=torch.uint8)[:, :, None, None]
    assert on_white(images).flatten().tolist() == [255, 100, round(100 * 128 / 255 + 127)]
    color = torch.randint(0, 256, (2, 4, 3, 5), dtype=torch.uint8)
    assert on_white(color).shape == (2, 3, 3, 5)
    for channels in (1, 3, 5):
        assert on_white(color[:, :1].expand(-1, channels, -1, -1)).shape[1] == channels
