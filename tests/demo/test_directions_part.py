"""The images that the page's sliders of directions make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.drawing import to_pil
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.directions_part import find_directions, move_image
from lightning_gans.demo.pictures import ALL_CLASSES, Choice, sample_grid
from lightning_gans.inference import LatentSampler, load
from tests.support import checkpoint_files


def sampler(path: Path) -> LatentSampler:
    model = load(path)
    assert isinstance(model, LatentSampler)
    return model


def same(one: Image.Image, other: Image.Image) -> bool:
    return bool(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max() <= 1)


@pytest.mark.parametrize("styled", [False, True])
def test_an_image_that_is_not_moved_is_that_of_the_grid(styled: bool, tmp_path: Path) -> None:
    make = checkpoint_files.styles if styled else checkpoint_files.latent
    model = sampler(make(tmp_path / "a.ckpt"))
    directions = find_directions(model)
    for choice, truncation in ((Choice(3), None), (Choice(4, ALL_CLASSES), 0.5)):
        still = move_image(model, choice, directions, [0.0, 0.0], truncation)
        assert same(still, sample_grid(model, choice, truncation=truncation))
        assert not same(still, move_image(model, choice, directions, [3.0, 0.0], truncation))
    with pytest.raises(ValueError, match="the seed is empty"):
        move_image(model, Choice(None), directions, [0.0], None)


def test_sliders_move_the_layers_that_are_chosen(tmp_path: Path) -> None:
    model = sampler(checkpoint_files.styles(tmp_path / "a.ckpt"))
    directions = find_directions(model, "fine")
    assert directions.layers == [4, 5]
    labels = torch.tensor([1])
    moved = directions.move(model.points(model.latents([0]), labels), torch.tensor([[0.0, -2.0]]))
    expected = to_pil(to_uint8(model.generate(moved, None))[0])
    assert same(move_image(model, Choice(0, 1), directions, [0.0, -2.0], None), expected)
    with pytest.raises(ValueError, match="layers is 'finest'; expected one of coarse, middle, fine"):
        find_directions(model, "finest")
