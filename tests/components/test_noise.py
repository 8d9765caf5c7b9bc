from __future__ import annotations

import math

import pytest
import torch
from jsonargparse.typing import lazy_instance

from lightning_gans.components.noise import (
    CodedNoise,
    NormalNoise,
    UniformNoise,
    interpolation_for,
    latents,
    linear,
    spherical,
    split_codes,
)
from lightning_gans.core.errors import InputError
from lightning_gans.core.randomness import derive_generator, derive_seed


def test_normal_noise_has_mean_zero_and_variance_one() -> None:
    sample = NormalNoise().sample((100_000,), derive_generator("cpu", 1))
    assert abs(sample.mean().item()) < 0.02
    assert abs(sample.var().item() - 1) < 0.02


def test_uniform_noise_fills_its_range_evenly() -> None:
    bound = math.sqrt(3)
    sample = UniformNoise(-bound, bound).sample((100_000,), derive_generator("cpu", 1))
    assert sample.abs().max() <= bound
    assert abs(sample.mean().item()) < 0.02
    assert abs(sample.var().item() - 1) < 0.02
    unit = UniformNoise(0.0, 1.0).sample((100_000,), derive_generator("cpu", 1))
    assert 0 <= unit.min() < 1e-3
    assert 1 - 1e-3 < unit.max() <= 1
    assert abs(unit.mean().item() - 0.5) < 0.01
    assert abs(unit.var().item() - 1 / 12) < 0.01


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1.0, -1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_bad_range_is_named(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"low is .* and high is"):
        UniformNoise(low, high)


@pytest.mark.parametrize(
    ("low", "high", "bound", "within"),
    [
        (-1.0, 1.0, 0.5, (-0.5, 0.5)),
        (-1.0, 1.0, 2.0, (-1.0, 1.0)),
        (0.0, 1.0, 0.5, (0.0, 0.5)),
        (-3.0, 1.0, 2.0, (-2.0, 1.0)),
    ],
)
def test_truncated_uniform_noise_fills_what_the_bound_leaves(
    low: float, high: float, bound: float, within: tuple[float, float]
) -> None:
    noise = UniformNoise(low, high)
    truncated = noise.truncated(torch.linspace(low, high, 5), bound)
    torch.testing.assert_close(truncated, torch.linspace(*within, 5))


def test_a_bound_outside_the_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"truncation is 0\.5, but all entries are from 1 to 2"):
        UniformNoise(1.0, 2.0).truncated(torch.ones(3), 0.5)


def test_counter_seeds_depend_on_every_part_and_on_nothing_else() -> None:
    seeds = {derive_seed(a, b, c) for a in range(3) for b in ("x", "y") for c in range(50)}
    assert len(seeds) == 300
    torch.manual_seed(5)
    assert derive_seed(1, "x") == derive_seed(1, "x")
    assert all(0 <= seed < 2**63 for seed in seeds)


# Interpolation.

POSITIONS = torch.linspace(0, 1, 9)


def test_an_arc_has_its_ends_one_norm_and_one_speed() -> None:
    starts, ends = (7 * torch.nn.functional.normalize(torch.randn(5, 20), dim=1) for _ in range(2))
    points = spherical(starts, ends, POSITIONS)
    assert points.shape == (5, 9, 20)
    torch.testing.assert_close(points[:, 0], starts)
    torch.testing.assert_close(points[:, -1], ends)
    torch.testing.assert_close(torch.linalg.vector_norm(points, dim=2), torch.full((5, 9), 7.0))
    steps = torch.linalg.vector_norm(points.diff(dim=1), dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand(-1, 8), rtol=1e-4, atol=1e-4)


def test_the_middle_of_a_right_angle() -> None:
    point = spherical(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([0.5]))
    torch.testing.assert_close(point, torch.full((1, 1, 2), math.sqrt(0.5)))


def test_ends_on_one_line_through_zero_are_joined_by_it() -> None:
    starts, ends = torch.tensor([[1.0], [2.0], [0.0]]), torch.tensor([[-3.0], [4.0], [1.0]])
    torch.testing.assert_close(spherical(starts, ends, POSITIONS), linear(starts, ends, POSITIONS))


def test_normal_noise_goes_on_arcs_and_uniform_noise_straight_within_its_cube() -> None:
    assert interpolation_for(NormalNoise()) is spherical
    assert interpolation_for(lazy_instance(NormalNoise)) is spherical
    assert interpolation_for(UniformNoise()) is linear
    starts, ends = UniformNoise().sample((2, 4, 3), torch.Generator())
    points = linear(starts, ends, POSITIONS)
    torch.testing.assert_close(points[:, 2], 0.75 * starts + 0.25 * ends)
    assert points.abs().max() <= 1


def test_codes_are_one_hot_and_uniform_at_the_end_of_the_vector() -> None:
    noise = CodedNoise([3, 2], 2)
    sample = noise.sample((30_000, 11), derive_generator("cpu", 1))
    assert sample.shape == (30_000, 11)
    (first, second), values = split_codes(sample, [3, 2], 2)
    assert torch.equal(sample[:, 4:7], torch.nn.functional.one_hot(first, 3).float())
    assert torch.equal(sample[:, 7:9], torch.nn.functional.one_hot(second, 2).float())
    assert torch.equal(sample[:, 9:], values)
    torch.testing.assert_close(sample[:, 4:9].mean(dim=0), torch.tensor([1 / 3] * 3 + [1 / 2] * 2), atol=0.02, rtol=0)
    for part in (sample[:, :4], values):
        assert part.abs().max() <= 1
        assert abs(part.var().item() - 1 / 3) < 0.02
    alone = latents(noise, 11, 7, [5])
    assert torch.equal(latents(noise, 11, 7, range(6))[5:], alone)


def test_truncation_leaves_the_codes() -> None:
    noise = CodedNoise([4], 1, NormalNoise())
    sample = noise.sample((50, 8), derive_generator("cpu", 1))
    cut = noise.truncated(sample, 0.5)
    assert cut[:, :3].abs().max() <= 0.5
    assert torch.equal(cut[:, 3:], sample[:, 3:])
    assert noise.typical_bound == NormalNoise().typical_bound


def test_codes_that_are_not_possible_are_refused() -> None:
    with pytest.raises(ValueError, match=r"categories is \[1\]; expected numbers of values, each at least 2"):
        CodedNoise([1])
    with pytest.raises(ValueError, match="expected at least one code"):
        CodedNoise([], 0)
    with pytest.raises(ValueError, match="a latent vector has 5 entries; expected at least 12"):
        CodedNoise().sample((2, 5), derive_generator("cpu", 1))
