from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_gans.inference import LatentSampler, load
from tests.support import checkpoint_files


@pytest.fixture
def plain(tmp_path: Path) -> LatentSampler:
    model = load(checkpoint_files.latent(tmp_path / "plain.ckpt"))
    assert isinstance(model, LatentSampler)
    return model


@pytest.fixture
def conditional(tmp_path: Path) -> LatentSampler:
    model = load(checkpoint_files.latent(tmp_path / "conditional.ckpt", conditional=True))
    assert isinstance(model, LatentSampler)
    return model


def test_a_picture_depends_on_the_seed_and_its_number_alone(plain: LatentSampler) -> None:
    many = plain.sample(70, seed=3)
    assert many.shape == (70, 1, 28, 28)
    assert many.abs().max() <= 1
    torch.manual_seed(99)
    for count in (1, 2, 67):
        torch.testing.assert_close(plain.sample(count, seed=3), many[:count], rtol=0, atol=1e-6)
    assert (plain.sample(70, seed=4) - many).abs().amax(dim=(1, 2, 3)).min() > 0.01
    assert len({image.numpy().tobytes() for image in many}) == 70


def test_sampling_draws_nothing_from_the_scripts_own_generator(plain: LatentSampler, tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load(tmp_path / "plain.ckpt").sample(2)
    assert torch.equal(torch.rand(3), expected)


def test_classes_are_gone_through_in_turn(conditional: LatentSampler) -> None:
    assert conditional.label_inputs(12).tolist() == [*range(10), 0, 1]  # type: ignore[union-attr]
    assert conditional.label_inputs(4, [3, 8]).tolist() == [3, 8, 3, 8]  # type: ignore[union-attr]
    assert torch.equal(conditional.sample(4, [3, 8]), conditional.sample(4, torch.tensor([3, 8, 3, 8])))
    assert torch.equal(conditional.sample(2, 5), conditional.sample(2, [5]))
    assert not torch.equal(conditional.sample(2, 5), conditional.sample(2, 6))


@pytest.mark.parametrize(
    ("labels", "message"), [(10, "labels contains 10; expected 0 to 9"), ([], "empty"), (-1, "-1")]
)
def test_classes_that_there_are_not_are_refused(labels: object, message: str, conditional: LatentSampler) -> None:
    with pytest.raises(ValueError, match=message):
        conditional.sample(2, labels)  # type: ignore[arg-type]


def test_a_model_without_classes_refuses_them(plain: LatentSampler) -> None:
    with pytest.raises(ValueError, match="labels is given, but this model is unconditional"):
        plain.sample(2, 1)


def test_truncation_keeps_the_order_and_bounds_every_entry(plain: LatentSampler) -> None:
    whole, bounded = plain.latents(range(500)), plain.latents(range(500), truncation=0.7)
    assert bounded.abs().max() <= 0.7
    flat = whole.flatten().argsort()
    assert (bounded.flatten()[flat].diff() >= 0).all()
    # A standard normal within 0.7 has this deviation.
    assert bounded.std().item() == pytest.approx(0.3826, abs=0.01)
    torch.testing.assert_close(plain.latents(range(9), truncation=8), whole[:9], rtol=0, atol=1e-5)


def test_uniform_noise_is_truncated_to_its_middle(tmp_path: Path) -> None:
    model = load(checkpoint_files.latent(tmp_path / "uniform.ckpt", noise="UniformNoise"))
    assert isinstance(model, LatentSampler)
    torch.testing.assert_close(model.latents(range(9), truncation=0.25), model.latents(range(9)) / 4)
    assert torch.equal(model.latents(range(9), truncation=2), model.latents(range(9)))


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_a_bad_truncation_is_refused(bound: float, plain: LatentSampler) -> None:
    with pytest.raises(ValueError, match="truncation is"):
        plain.sample(1, truncation=bound)


def test_an_interpolation_passes_its_stations(plain: LatentSampler) -> None:
    way = plain.interpolate([4, 7, 4], steps=5)
    assert len(way) == 9
    for place, seed in ((0, 4), (4, 7), (8, 4)):
        torch.testing.assert_close(way[place], plain.sample(1, seed=seed)[0], rtol=0, atol=1e-5)
    assert way.diff(dim=0).abs().amax(dim=(1, 2, 3)).min() > 0


def test_a_way_through_classes_keeps_the_noise(conditional: LatentSampler) -> None:
    way = conditional.interpolate([2], [1, 6], steps=3)
    torch.testing.assert_close(way[0], conditional.sample(1, 1, seed=2)[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(way[2], conditional.sample(1, 6, seed=2)[0], rtol=0, atol=1e-6)
    half = torch.zeros(1, 10)
    half[0, [1, 6]] = 0.5
    torch.testing.assert_close(way[1], conditional.sample(1, half, seed=2)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("seeds", "labels"), [([1], None), ([1], [2]), ([], None), ([1, 2], [1, 2, 3])])
def test_a_way_without_two_stations_is_refused(
    seeds: list[int], labels: list[int] | None, conditional: LatentSampler
) -> None:
    with pytest.raises(ValueError, match="expected equally many, or one of either, and at least two of one"):
        conditional.interpolate(seeds, labels)


def test_a_model_of_noise_refuses_images(plain: LatentSampler) -> None:
    with pytest.raises(TypeError, match="generates images from noise; expected a model that translates images"):
        plain.translate(torch.zeros(1, 1, 28, 28))
