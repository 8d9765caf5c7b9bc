from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lightning_gans.components.noise import Noise, NormalNoise, UniformNoise
from lightning_gans.core.drawing import grid, to_pil
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.pictures import (
    ALL_CLASSES,
    Choice,
    default_count,
    describe_grid,
    film_strip,
    grid_columns,
    interpolate_at,
    sample_grid,
    truncation_of,
)
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks import MLPGenerator, StyleGAN2Generator
from lightning_gans.networks.latent_space import NoiseSpace, StyleSpace
from tests.support import checkpoint_files


def sampler(tmp_path: Path, conditional: bool = True, noise: str = "NormalNoise") -> LatentSampler:
    model = load(checkpoint_files.latent(tmp_path / "a.ckpt", conditional, noise))
    assert isinstance(model, LatentSampler)
    return model


def same(one: Image.Image, other: Image.Image, levels: int = 0) -> bool:
    return bool(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max() <= levels)


def test_a_single_picture_is_just_its_pixels(tmp_path: Path) -> None:
    model = sampler(tmp_path)
    shown = sample_grid(model, Choice(3, 5))
    assert shown.size == (28, 28)
    assert same(shown, to_pil(to_uint8(model.sample(1, 5, 3))[0]))
    assert not same(shown, sample_grid(model, Choice(4, 5)), 20)
    assert not same(shown, sample_grid(model, Choice(3, 6)), 2)
    assert not same(shown, sample_grid(model, Choice(3, 5), truncation=0.3), 5)


def test_several_are_a_grid(tmp_path: Path) -> None:
    model = sampler(tmp_path)
    assert same(sample_grid(model, Choice(3, 5), 6), grid(to_uint8(model.sample(6, 5, 3)), 3))
    assert same(sample_grid(model, Choice(3, ALL_CLASSES), 20), grid(to_uint8(model.sample(20, None, 3)), 10))


def test_a_column_of_all_classes_has_one_class_where_there_are_few() -> None:
    assert [grid_columns(count, 10) for count in (1, 16, 40, 64)] == [10] * 4
    assert [grid_columns(16, classes) for classes in (2, 3, 5, 11, 1000)] == [4, 3, 5, 4, 4]
    assert [default_count(classes) for classes in (0, 2, 3, 10, 1000)] == [16, 16, 12, 40, 16]


def test_grids_are_about_square_with_few_empty_places() -> None:
    assert [grid_columns(count) for count in (1, 2, 3, 4, 7, 16, 40, 64)] == [1, 2, 2, 2, 3, 4, 8, 8]


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        (NormalNoise(), [None, 2.85, 1.5, 0.15]),
        (UniformNoise(), [None, 0.95, 0.5, 0.05]),
        (UniformNoise(0, 2), [None, 1.9, 1.0, 0.1]),
    ],
)
def test_the_truncation_is_none_at_its_left_end_and_grows_to_the_right(noise: Noise, expected: list[Any]) -> None:
    space = NoiseSpace(MLPGenerator(1, 28), noise)
    assert [truncation_of(space, strength) for strength in (0, 0.05, 0.5, 0.95)] == expected
    assert truncation_of(StyleSpace(StyleGAN2Generator(1, 16, 2, 2, 1, width=1)), 0.3) == 0.7
    with pytest.raises(ValueError, match="the truncation is 1; expected at least 0 and less than 1"):
        truncation_of(space, 1)


def test_a_grid_is_described_by_the_names_of_its_classes_and_the_bound(tmp_path: Path) -> None:
    model = sampler(tmp_path)
    model.metadata["classes"] = list("abcdefghij")
    assert (
        describe_grid(model, Choice(0, ALL_CLASSES), None)
        == "Classes from left to right: " + ", ".join("abcdefghij") + "."
    )
    assert describe_grid(model, Choice(0, 2), 1.5) == "Latent vectors are within ±1.5, as with --truncation 1.5."
    assert describe_grid(sampler(tmp_path, conditional=False), Choice(0, ALL_CLASSES), None) == ""


def test_an_interpolation_starts_at_the_first_image_of_all_classes(tmp_path: Path) -> None:
    model = sampler(tmp_path)
    first = sample_grid(model, Choice(3, ALL_CLASSES))
    assert same(interpolate_at(model, Choice(3, ALL_CLASSES), Choice(4, 2), 0), first, 1)


def test_a_model_without_classes_is_asked_for_none(tmp_path: Path) -> None:
    model = sampler(tmp_path, conditional=False)
    assert same(sample_grid(model, Choice(3, 5)), to_pil(to_uint8(model.sample(1, seed=3))[0]))
    assert same(interpolate_at(model, Choice(3, 5), Choice(4), 1), sample_grid(model, Choice(4)), 1)


@pytest.mark.parametrize("noise", ["NormalNoise", "UniformNoise"])
def test_positions_are_on_the_way_that_interpolate_goes(noise: str, tmp_path: Path) -> None:
    model, start, end = sampler(tmp_path, noise=noise), Choice(3, 5), Choice(9, 2)
    stations = to_uint8(model.interpolate([3, 9], [5, 2], 9, 0.8))
    for index, station in enumerate(stations):
        assert same(interpolate_at(model, start, end, index / 8, 0.8), to_pil(station), 1)
    assert same(film_strip(model, start, end, 0.8), grid(stations, 9))
    assert same(interpolate_at(model, start, end, 0), sample_grid(model, start), 1)
    assert same(interpolate_at(model, start, end, 1), sample_grid(model, end), 1)


@pytest.mark.parametrize(
    ("choice", "count", "message"),
    [
        (Choice(None), 1, "the seed is empty; expected an integer"),
        (Choice(-1), 1, "the seed is -1"),
        (Choice(0.5), 1, "the seed is 0.5"),
        (Choice(0, 10), 1, "labels contains 10; expected 0 to 9"),
        (Choice(0), 65, "the number of images is 65; expected 1 to 64"),
    ],
)
def test_what_the_browser_should_not_send_is_refused(choice: Choice, count: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        sample_grid(sampler(tmp_path), choice, count)


def test_a_position_off_the_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"position is 1\.5; expected 0 to 1"):
        interpolate_at(sampler(tmp_path), Choice(0), Choice(1), 1.5)
