from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.components import generator_penalties
from lightning_gans.components.generator_penalties import (
    FeatureMatching,
    GeneratorPass,
    LatentDiversity,
    PathLength,
    PullingAway,
    path_lengths,
)
from lightning_gans.components.schedules import CosineSchedule


@pytest.fixture
def _ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random image y has a 1 in every pixel, over the root of their number."""
    monkeypatch.setattr(generator_penalties, "normal_per_image", lambda n, device, *shape: torch.ones(n, *shape))


def linear(latent: Tensor, weight: Tensor) -> Tensor:
    """Images (N, 1, 2, 2) that are a matrix times the latent vectors."""
    return (latent @ weight.T).view(-1, 1, 2, 2)


@pytest.mark.usefixtures("_ones")
def test_lengths_of_a_linear_generator_are_those_of_its_matrix() -> None:
    weight, latent = torch.randn(4, 3), torch.randn(5, 3, requires_grad=True)
    expected = (weight.T @ torch.full((4,), 0.5)).norm()
    torch.testing.assert_close(path_lengths(latent, linear(latent, weight)), expected.expand(5))


@pytest.mark.usefixtures("_ones")
def test_the_squared_length_is_the_mean_over_layers() -> None:
    weights, latent = torch.randn(2, 4, 3), torch.randn(5, 2, 3, requires_grad=True)
    images = linear(latent[:, 0], weights[0]) + linear(latent[:, 1], weights[1])
    squares = torch.stack([(weight.T @ torch.full((4,), 0.5)).square().sum() for weight in weights])
    torch.testing.assert_close(path_lengths(latent, images), squares.mean().sqrt().expand(5))


def given(weight: Tensor, step: int = 0, total_steps: float = 10) -> GeneratorPass:
    latent = torch.randn(6, 3, requires_grad=True)
    return GeneratorPass(latent, linear(latent, weight), step, total_steps)


@pytest.mark.usefixtures("_ones")
def test_the_term_is_the_squared_distance_to_a_running_mean() -> None:
    penalty, weight, mean = PathLength(weight=3, interval=2, decay=0.1), torch.randn(4, 3), 0.0
    length = (weight.T @ torch.full((4,), 0.5)).norm().item()
    for _ in range(4):
        mean += 0.1 * (length - mean)
        assert penalty.term(given(weight)).item() == pytest.approx(2 * 3 * (length - mean) ** 2, rel=1e-4)
        assert penalty.scalars()["path_length"].item() == pytest.approx(mean)
    other = PathLength(weight=3, interval=2, decay=0.1)
    other.load_training_state(penalty.training_state())
    assert torch.equal(other.term(given(weight)), penalty.term(given(weight)))
    assert other.training_state() == penalty.training_state() != {"mean": 0.0}


def test_random_images_differ_and_depend_on_the_seed() -> None:
    weight, latent = torch.randn(4, 3), torch.randn(5, 3, requires_grad=True)
    torch.manual_seed(1)
    first = path_lengths(latent, linear(latent, weight))
    torch.manual_seed(1)
    assert torch.equal(path_lengths(latent, linear(latent, weight)), first)
    assert not torch.allclose(first[0], first[1])


def test_a_generator_that_ignores_its_input_has_finite_gradients() -> None:
    weight = nn.Parameter(torch.zeros(4, 3))
    PathLength().term(given(weight)).backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


@pytest.mark.usefixtures("_ones")
def test_the_weight_may_be_a_schedule() -> None:
    torch.manual_seed(0)
    weight, scheduled = torch.randn(4, 3), PathLength(CosineSchedule(2.0, 0.0), interval=1)
    full = PathLength(2.0, interval=1).term(given(weight))
    assert scheduled.term(given(weight, step=0)).item() == pytest.approx(full.item())
    assert scheduled.term(given(weight, step=10)).item() == pytest.approx(0)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"weight": -1}, "weight is -1; expected at least 0"),
        ({"interval": 0}, "interval is 0; expected at least 1"),
        ({"shrink": 0}, "shrink is 0; expected at least 1"),
        ({"decay": 0}, r"decay is 0; expected a share in \(0, 1\]"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        PathLength(**kwargs)


# Penalties that need the discriminator, or the generator.


def with_features(images: Tensor, real: Tensor | None = None) -> GeneratorPass:
    latent = torch.zeros(len(images), 1)
    return GeneratorPass(latent, images, real=real, features=lambda given: 2 * given.flatten(1))


def test_feature_matching_is_the_squared_distance_of_mean_features() -> None:
    images = torch.tensor([[1.0, 3.0], [3.0, 5.0]]).view(2, 1, 1, 2).requires_grad_(True)
    real = torch.tensor([[0.0, 1.0], [2.0, 1.0]]).view(2, 1, 1, 2)
    term = FeatureMatching(weight=0.5, interval=2).term(with_features(images, real))  # means 4, 8 and 2, 2
    assert term.item() == pytest.approx(4 + 36)
    (slope,) = torch.autograd.grad(term, images)
    assert slope.flatten().tolist() == pytest.approx([4.0, 12.0, 4.0, 12.0])


def test_pulling_away_is_the_mean_squared_cosine_of_pairs() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 5.0], [3.0, 3.0]]).view(3, 1, 1, 2)
    assert PullingAway(weight=3.0).term(with_features(images)).item() == pytest.approx(3 * (0 + 0.5 + 0.5) / 3)
    assert PullingAway().term(with_features(images[:1])).item() == 0


def test_latent_diversity_rewards_differences() -> None:
    images = torch.tensor([[1.0, 3.0], [3.0, 5.0]]).view(2, 1, 1, 2)
    given = with_features(images)._replace(nearby=lambda std: images + 10 * std)
    assert LatentDiversity(weight=3.0, std=0.2).term(given).item() == pytest.approx(-3 * 4)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (FeatureMatching(), "FeatureMatching needs a discriminator"),
        (PullingAway(), "PullingAway needs a discriminator"),
        (LatentDiversity(), "LatentDiversity needs a generator"),
    ],
)
def test_a_pass_without_what_a_penalty_needs_is_refused(penalty: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        penalty.term(given(torch.randn(4, 3)))
