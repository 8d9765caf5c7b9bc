from __future__ import annotations

import math

import pytest
import torch
from PIL import Image

from lightning_gans.analysis.analyses import histograms, side_by_side


def test_a_white_gap_stands_between_two_pictures() -> None:
    both = side_by_side(Image.new("RGB", (3, 5), "red"), Image.new("RGB", (4, 5), "blue"), gap=2)
    assert both.size == (9, 5)
    assert [both.getpixel((x, 4)) for x in (2, 3, 4, 5)] == [(255, 0, 0), *[(255, 255, 255)] * 2, (0, 0, 255)]


def test_histograms_are_the_same_every_time_and_differ_with_the_values() -> None:
    values = {"training": torch.randn(100), "generated": torch.randn(50) + 1}
    first, second = (histograms(values, "logit").tobytes() for _ in range(2))
    other = histograms({**values, "generated": torch.randn(50) - 1}, "logit").tobytes()
    assert first == second
    assert first != other


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_values_without_a_range_are_drawn_too(value: float) -> None:
    assert histograms({"training": torch.full((5,), value), "generated": torch.ones(5)}, "logit").width > 100
    assert histograms({"training": torch.full((5,), value)}, "logit").width > 100
