"""Projection of pictures into latent space."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from lightning_gans.components.noise import Noise, NormalNoise, UniformNoise
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import LatentSampler, load
from lightning_gans.inference.projection import Projector, TypicalRegion, psnr
from lightning_gans.metrics.image_distance import ImageDistance
from tests.support import checkpoint_files


def model_of(path: Path) -> LatentSampler:
    model = load(path)
    assert isinstance(model, LatentSampler)
    return model


@pytest.mark.parametrize("noise", ["NormalNoise", "UniformNoise"])
def test_an_image_of_the_model_is_found_again(noise: str, tmp_path: Path) -> None:
    model = model_of(checkpoint_files.latent(tmp_path / "a.ckpt", noise=noise))
    picture = to_uint8(model.sample(1, seed=7))[0]
    projector = Projector(model, ImageDistance(), steps=60, starts=4)
    seen: list[float] = []
    found = projector.project(picture, seed=1, progress=seen.append)
    assert found.psnr >= 40
    assert found.labels is None
    assert len(seen) == 60
    assert seen[-1] < seen[0]
    torch.testing.assert_close(found.image, model.generate(found.latent, None))
    again = projector.project(picture, seed=1)
    assert torch.equal(found.latent, again.latent)
    assert not torch.equal(found.latent, projector.project(picture, seed=2).latent)
    assert found.latent.abs().max() <= (1 if noise == "UniformNoise" else 5)


def test_the_class_is_found_or_given(tmp_path: Path) -> None:
    model = model_of(checkpoint_files.latent(tmp_path / "a.ckpt", conditional=True))
    picture = to_uint8(model.sample(1, 6, seed=7))[0]
    projector = Projector(model, ImageDistance(), steps=40, starts=16)
    found = projector.project(picture)
    assert found.labels is not None
    assert found.labels.tolist() == [6]
    assert found.psnr >= 30
    other = projector.project(picture, label=2)
    assert other.labels is not None
    assert other.labels.tolist() == [2]
    assert other.psnr < found.psnr
    with pytest.raises(ValueError, match="labels contains 10; expected 0 to 9"):
        projector.project(picture, label=10)


def test_each_layer_has_a_w_of_its_own_in_the_end(tmp_path: Path) -> None:
    model = model_of(checkpoint_files.styles(tmp_path / "a.ckpt"))
    picture = to_uint8(model.sample(1, 1, seed=3))[0]
    found = Projector(model, ImageDistance(), steps=40, starts=2).project(picture, label=1)
    assert found.psnr >= 30
    foreign = torch.arange(16 * 24, dtype=torch.uint8).view(1, 16, 24).expand(3, -1, -1)
    found = Projector(model, ImageDistance(), steps=12, starts=2).project(foreign, label=1)
    assert found.latent.shape == (1, *model.space.shape)
    assert (found.latent[:, :1] != found.latent).any()
    torch.testing.assert_close(found.image, model.generate(found.latent, None))


@pytest.mark.parametrize("noise", [NormalNoise(), UniformNoise(0, 2)])
def test_points_are_kept_where_the_prior_has_points(noise: Noise) -> None:
    points = noise.sample((500, 64), torch.Generator().manual_seed(0))
    region = TypicalRegion(points)
    torch.testing.assert_close(region.clamp(points), points)
    for far in (100 * points[:5], region.center + 1e-3 * (points[:5] - region.center), region.center[None]):
        radii = torch.linalg.vector_norm(region.clamp(far) - region.center, dim=1)
        assert (radii <= region.farthest + 1e-3).all()
    near = torch.linalg.vector_norm(region.clamp(region.center + 0.01) - region.center)
    torch.testing.assert_close(near, region.nearest)


def test_psnr_in_numbers() -> None:
    image = torch.zeros(1, 2, 2, dtype=torch.uint8)
    assert psnr(image, image) == math.inf
    assert psnr(image, image + 255) == pytest.approx(0)
    assert psnr(image, image + 51) == pytest.approx(20 * math.log10(5))


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    model = model_of(checkpoint_files.latent(tmp_path / "a.ckpt"))
    with pytest.raises(ValueError, match="steps is 1; expected at least 2"):
        Projector(model, ImageDistance(), steps=1)
    with pytest.raises(ValueError, match="starts is 513; expected 1 to 512"):
        Projector(model, ImageDistance(), starts=513)
    with pytest.raises(ValueError, match=r"picture has shape \(3, 28, 28\); expected \(1, 28, 28\)"):
        Projector(model, ImageDistance()).project(torch.zeros(3, 28, 28, dtype=torch.uint8))
