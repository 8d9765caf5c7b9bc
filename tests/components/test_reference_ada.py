"""ADA's transformations against what the authors' own code makes of the same images and draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components.augmentations import ADA, base, color, corruptions, geometry
from lightning_gans.components.augmentations.color import recolor
from lightning_gans.components.augmentations.resampling import transform
from tests.support.closed_form import assert_is, numbers, reference

REFERENCE = reference(__file__, "ada")
SINGLE, DRAWN = REFERENCE["single"], REFERENCE["drawn"]


class Draws:
    """Gives what the authors' draws were in place of random numbers."""

    def __init__(self, calls: int = 0) -> None:
        self.calls = calls

    def _next(self, count: int, shape: tuple[int, ...]) -> Tensor:
        self.calls += 1
        return (numbers((count, *shape), 500 + self.calls) + 1) / 2

    def uniform(self, count: int, device: torch.device, *shape: int) -> Tensor:
        return self._next(count, shape).float()

    def normal(self, count: int, device: torch.device, *shape: int) -> Tensor:
        return (torch.erfinv(2 * self._next(count, shape) - 1) * math.sqrt(2)).float()

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "uniform_per_image", self.uniform)
        for module in (base, corruptions):
            monkeypatch.setattr(module, "normal_per_image", self.normal)


def assert_is_the_authors(case: dict[str, Any], augment: Callable[[Tensor], Tensor]) -> None:
    images = numbers(case["images"], 31).float().requires_grad_(True)
    augmented = augment(images)
    (slope,) = torch.autograd.grad((augmented * numbers(augmented.shape, 2000).float()).sum(), images)
    # Theirs is float32, too, and its sums are over up to 11,000 numbers.
    assert_is(augmented, case["output"], rtol=3e-5, atol=3e-5)
    assert_is(slope, case["slope"], rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("name", DRAWN)
def test_pipelines_draw_and_do_what_the_authors_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = DRAWN[name]
    draws, on = Draws(), case["on"]
    draws.take_over(monkeypatch)
    augment = ADA(
        p=case["p"],
        target=None,
        geometry=on.get("scale", 0),
        color=on.get("hue", 0),
        filtering=on.get("imgfilter", 0),
        noise=on.get("noise", 0),
        cutout=on.get("cutout", 0),
    )
    assert_is_the_authors(case, augment)
    assert draws.calls == case["draws"]


def spread(case: dict[str, Any], deviation: float) -> Tensor:
    """The authors' value of a normally distributed parameter at a percentile, for each image."""
    value = torch.erfinv(torch.tensor(case["percentile"], dtype=torch.float64) * 2 - 1) * deviation
    return value.expand(case["images"][0])


def position(name: str, case: dict[str, Any]) -> Tensor:
    count, _, height, width = case["images"]
    share = torch.full((count,), case["percentile"], dtype=torch.float64)
    angle = (2 * share - 1) * math.pi
    step = (2 * share - 1) * geometry.XINT_MAX
    shift = spread(case, geometry.XFRAC_STD)
    factor = torch.exp2(spread(case, geometry.SCALE_STD))
    return {
        "xflip": geometry.scaling(1 - 2 * (share * 2).floor(), torch.ones(count)),
        "rotate90": geometry.rotation((share * 4).floor() * math.pi / 2).round(),
        "xint": geometry.translation(-(step * width).round(), -(step * height).round()),
        "scale": geometry.scaling(1 / factor, 1 / factor),
        "rotate": geometry.rotation(angle),
        "aniso": geometry.scaling(1 / factor, factor),
        "xfrac": geometry.translation(-shift * width, -shift * height),
    }[name]


POSITIONS = ("xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac")


@pytest.mark.parametrize("name", [name for name in SINGLE if name.partition("_")[0] in POSITIONS])
def test_each_transformation_of_positions_is_the_authors(name: str) -> None:
    case = SINGLE[name]
    assert_is_the_authors(case, lambda images: transform(images, position(name.partition("_")[0], case)))


def change(name: str, case: dict[str, Any]) -> Tensor:
    count, channels = case["images"][:2]
    share = torch.full((count,), case["percentile"])
    return {
        "brightness": color.shifting(spread(case, color.BRIGHTNESS_STD), channels),
        "contrast": color.stretching(torch.exp2(spread(case, color.CONTRAST_STD)), channels),
        "lumaflip": color.along_luma(1 - 2 * (share * 2).floor(), channels),
        "hue": color.turning((2 * share - 1) * math.pi),
        "saturation": color.across_luma(torch.exp2(spread(case, color.SATURATION_STD)), channels),
    }[name]


COLORS = ("brightness", "contrast", "lumaflip", "hue", "saturation")


@pytest.mark.parametrize("name", [name for name in SINGLE if name.partition("_")[0] in COLORS and name != "hue_gray"])
def test_each_change_of_colors_is_the_authors(name: str) -> None:
    case = SINGLE[name]
    assert_is_the_authors(case, lambda images: recolor(images, change(name.partition("_")[0], case)))


@pytest.mark.parametrize("name", [name for name in SINGLE if name.startswith("imgfilter")])
def test_each_frequency_band_is_the_authors(name: str) -> None:
    case = SINGLE[name]
    factor = torch.exp2(spread(case, corruptions.FILTER_STD)).float()[:, None]
    bands = torch.tensor(case["on"].get("imgfilter_bands", [1, 1, 1, 1]))
    gains = corruptions.balanced(torch.where(bands > 0, factor, 1))
    assert_is_the_authors(case, lambda images: corruptions.amplify_bands(images, gains))


def test_noise_is_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    case = SINGLE["noise"]
    Draws(2).take_over(monkeypatch)  # theirs draws two numbers of each image before, and puts the percentile in place
    deviation = torch.erfinv(torch.tensor([case["percentile"]] * 2)) * corruptions.NOISE_STD
    assert_is_the_authors(case, lambda images: corruptions.add_noise(images, deviation))


def test_the_rectangle_that_is_cut_out_is_the_authors() -> None:
    case = SINGLE["cutout"]
    size, center = torch.full((2,), corruptions.CUTOUT_SIZE), torch.full((2, 2), case["percentile"])
    assert_is_the_authors(case, lambda images: corruptions.cut_rectangles(images, size, center))
