from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.components.noise import NormalNoise, UniformNoise
from lightning_gans.core.randomness import derive_generator, derive_seed


def test_normal_noise_has_mean_zero_and_variance_one() -> None:
    sample = NormalNoise().sample((100_000,), derive_generator("cpu", 1))
    assert abs(sample.mean().item()) < 0.02
    assert abs(sample.var().item() - 1) < 0.02


def test_uniform_noise_fills_its_range_evenly() -> None:
    bound = math.sqrt(3)
    sample = UniformNoise(bound).sample((100_000,), derive_generator("cpu", 1))
    assert sample.abs().max() <= bound
    assert abs(sample.mean().item()) < 0.02
    assert abs(sample.var().item() - 1) < 0.02


@pytest.mark.parametrize("bound", [0.0, -1.0, math.inf, math.nan])
def test_a_bad_bound_is_named(bound: float) -> None:
    with pytest.raises(ValueError, match="bound is"):
        UniformNoise(bound)


def test_counter_seeds_depend_on_every_part_and_on_nothing_else() -> None:
    seeds = {derive_seed(a, b, c) for a in range(3) for b in ("x", "y") for c in range(50)}
    assert len(seeds) == 300
    torch.manual_seed(5)
    assert derive_seed(1, "x") == derive_seed(1, "x")
    assert all(0 <= seed < 2**63 for seed in seeds)
