"""DiffAugment against what the authors' own code makes of the same images and draws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components import augmentations
from lightning_gans.components.augmentations import diff_augment
from tests.support.closed_form import assert_is, numbers, reference

REFERENCE = reference(__file__, "diffaugment")
CASES, RANGES = REFERENCE["cases"], REFERENCE["ranges"]
SQUARE = 0.5
"""The authors' side of the cut-out, as a share of the image's."""


class Draws:
    """Gives what the authors' draws were in place of random numbers.

    The authors take pixel i + draw where ours takes pixel i - draw, and count a square from its middle where ours
    counts from its first row.
    """

    def __init__(self, case: dict[str, Any]) -> None:
        self.uniform: list[list[float]] = list(case["uniform"])
        self.whole: list[list[int]] = []
        sides = case["images"][2:]
        drawn = list(case["whole"])
        if "translation" in case["policy"]:
            self.whole += [[-draw for draw in drawn.pop(0)] for _ in sides]
        if "cutout" in case["policy"]:
            self.whole += [[draw - _square(side) // 2 for draw in drawn.pop(0)] for side in sides]

    def uniform_per_image(self, count: int, device: torch.device) -> Tensor:
        return torch.tensor(self.uniform.pop(0), dtype=torch.float64)

    def integers_per_image(self, low: int, high: int, count: int, device: torch.device) -> Tensor:
        drawn = self.whole.pop(0)
        assert all(low <= draw <= high for draw in drawn)
        return torch.tensor(drawn)


def _square(side: int) -> int:
    return int(side * SQUARE + 0.5)


@pytest.mark.parametrize("name", CASES)
def test_images_and_their_slopes_are_the_authors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    draws = Draws(case)
    for function in ("uniform_per_image", "integers_per_image"):
        monkeypatch.setattr(diff_augment, function, getattr(draws, function))
    policy = case["policy"].split(",")
    augment = augmentations.DiffAugment(
        color="color" in policy,
        translation=0.125 if "translation" in policy else 0.0,
        cutout=SQUARE if "cutout" in policy else 0.0,
    )
    images = numbers(case["images"], 31).requires_grad_(True)
    augmented = augment(images)
    (slope,) = torch.autograd.grad((augmented * numbers(augmented.shape, 2000)).sum(), images)
    assert not draws.uniform
    assert not draws.whole
    assert_is(augmented, case["output"])
    assert_is(slope, case["slope"])


def asked(monkeypatch: pytest.MonkeyPatch, side: int, translation: float, cutout: float) -> list[list[int]]:
    """The ranges, ends included, that ours draws whole numbers from: those of rows and of columns."""
    ranges: list[list[int]] = []

    def integers_per_image(low: int, high: int, count: int, device: torch.device) -> Tensor:
        ranges.append([low, high])
        return torch.zeros(count, dtype=torch.long)

    monkeypatch.setattr(diff_augment, "integers_per_image", integers_per_image)
    augment = augmentations.DiffAugment(color=False, translation=translation, cutout=cutout)
    augment(torch.ones(1, 1, side, side))
    return ranges


@pytest.mark.parametrize("side", RANGES)
def test_images_are_moved_as_far_as_the_authors_move_them(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, int(side), 0.125, 0.0) == 2 * [RANGES[side]["translation"]]


@pytest.mark.parametrize("side", RANGES)
def test_squares_are_cut_out_where_the_authors_cut_them_out(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ranges = asked(monkeypatch, int(side), 0.0, SQUARE)
    middles = [[end + RANGES[side]["square"] // 2 for end in ends] for ends in ranges]
    assert middles == 2 * [RANGES[side]["cutout"]]


TIMES_CUT = {
    (8, 0.5): (9, [3, 4, 4, 4, 4, 4, 4, 3]),
    (9, 0.5): (9, [3, 4, 5, 5, 5, 5, 5, 4, 3]),
    (10, 0.5): (10, [3, 4, 5, 5, 5, 5, 5, 5, 4, 3]),
    (12, 0.25): (12, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2]),
}
"""For a side and the square's share, the number of draws of rows and in how many of them each row is cut: counted over
all draws of the authors' rand_cutout, in which rows and columns are independent."""


@pytest.mark.parametrize(("side", "share"), TIMES_CUT)
def test_every_pixel_is_cut_out_as_often_as_by_the_authors(
    side: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, times = TIMES_CUT[side, share]
    square = int(side * share + 0.5)
    for row, expected in enumerate(times):  # the closed form: first rows of squares that cover this row
        first, last = max(row - square + 1, -(square // 2)), min(row, side - (square + 1) // 2)
        assert last - first + 1 == expected
    rows_first = iter([True, False])

    def integers_per_image(low: int, high: int, images: int, device: torch.device) -> Tensor:
        every = torch.arange(low, high + 1)
        assert len(every) == count
        return every.repeat_interleave(count) if next(rows_first) else every.repeat(count)

    monkeypatch.setattr(diff_augment, "integers_per_image", integers_per_image)
    kept = augmentations.cut_out(torch.ones(count**2, 1, side, side), share)
    assert torch.equal((kept[:, 0] == 0).sum(dim=0), torch.outer(torch.tensor(times), torch.tensor(times)))
