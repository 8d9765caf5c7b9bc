from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks.styles import StyleGenerator
from tests.support import checkpoint_files


@pytest.fixture
def plain(tmp_path: Path) -> LatentSampler:
    model = load(checkpoint_files.latent(tmp_path / "plain.ckpt"))
    assert isinstance(model, LatentSampler)
    return model


@pytest.fixture
def styled(tmp_path: Path) -> LatentSampler:
    model = load(checkpoint_files.styles(tmp_path / "styles.ckpt"))
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
    whole = plain.latents(range(500))
    bounded = plain.space.truncated(whole, 0.7)
    assert bounded.abs().max() <= 0.7
    flat = whole.flatten().argsort()
    assert (bounded.flatten()[flat].diff() >= 0).all()
    # A standard normal within 0.7 has this deviation.
    assert bounded.std().item() == pytest.approx(0.3826, abs=0.01)
    torch.testing.assert_close(plain.space.truncated(whole[:9], 8), whole[:9], rtol=0, atol=1e-5)


def test_uniform_noise_is_truncated_to_its_middle(tmp_path: Path) -> None:
    model = load(checkpoint_files.latent(tmp_path / "uniform.ckpt", noise="UniformNoise"))
    assert isinstance(model, LatentSampler)
    latent = model.latents(range(9))
    torch.testing.assert_close(model.space.truncated(latent, 0.25), latent / 4)
    assert torch.equal(model.space.truncated(latent, 2), latent)


def test_styles_are_truncated_towards_their_mean(styled: LatentSampler) -> None:
    network = styled.network
    assert isinstance(network, StyleGenerator)
    assert torch.equal(styled.sample(3, truncation=1), styled.sample(3))
    middle = network.synthesize(network.style_mean.expand(1, network.style_layers, -1))
    torch.testing.assert_close(styled.sample(2, truncation=0), ImageBatch(middle.expand(2, -1, -1, -1)))
    styles = network.styles(styled.latents(range(2)), styled.label_inputs(2), truncation=-0.5)
    torch.testing.assert_close(styled.sample(2, truncation=-0.5), ImageBatch(network.synthesize(styles)))
    path = styled.interpolate([0, 1], 1, 3, truncation=0.5)
    torch.testing.assert_close(path[0], styled.sample(1, 1, truncation=0.5)[0])
    with pytest.raises(ValueError, match=r"truncation is 1\.5; expected -1 to 1"):
        styled.sample(2, truncation=1.5)


def test_an_interpolation_passes_points_that_are_given(plain: LatentSampler, styled: LatentSampler) -> None:
    latent = plain.latents([3, 4], seed=9)
    path = plain.interpolate([2], steps=3, latent=latent)
    assert len(path) == 5
    for place, expected in ((0, latent[:1]), (2, latent[1:]), (4, plain.latents([0], seed=2))):
        torch.testing.assert_close(path[place], plain.generate(expected, None)[0])
    network = styled.network
    assert isinstance(network, StyleGenerator)
    styles = network.styles(styled.latents([5]), torch.tensor([1]))
    path = styled.interpolate([2], [1, 0], 3, latent=styles)
    ends = torch.cat([styles, network.styles(styled.latents([0], seed=2), torch.tensor([0]))])
    expected = styled.generate(torch.cat([ends[:1], ends.mean(dim=0, keepdim=True), ends[1:]]), None)
    torch.testing.assert_close(path, expected)


@pytest.mark.parametrize(
    ("latent", "message"),
    [
        (torch.zeros(1, 4), r"latent has shape \(1, 4\) of torch\.float32; expected floats \(N, 3\)"),
        (torch.zeros(0, 3), r"latent has shape \(0, 3\)"),
        (torch.zeros(1, 3, dtype=torch.int64), r"of torch\.int64; expected floats"),
        (torch.full((1, 3), float("nan")), "NaN"),
    ],
)
def test_points_of_another_model_are_refused(latent: torch.Tensor, message: str, plain: LatentSampler) -> None:
    with pytest.raises(ValueError, match=message):
        plain.interpolate([0], latent=latent)


def test_a_single_style_has_no_other_class_to_go_to(styled: LatentSampler) -> None:
    with pytest.raises(ValueError, match="latent has one w, which its class is part of; expected at least two points"):
        styled.interpolate(labels=[0, 1], latent=torch.zeros(1, *styled.space.shape))


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
