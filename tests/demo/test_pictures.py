from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_gans.core.drawing import grid, to_pil
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.pictures import Choice, film_strip, interpolate_at, sample_grid
from lightning_gans.inference import LatentSampler, load
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
    assert same(sample_grid(model, Choice(3, 5), 6, all_classes=True), grid(to_uint8(model.sample(6, None, 3)), 3))


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
