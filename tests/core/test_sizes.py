"""Sizes as numbers and as (height, width)."""

from __future__ import annotations

import pytest

from lightning_gans.core.sizes import Size, height_width, plain_size, square_side


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
