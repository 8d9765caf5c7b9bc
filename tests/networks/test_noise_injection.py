from __future__ import annotations

import copy

import pytest
import torch

from lightning_gans.core import randomness
from lightning_gans.core.randomness import seed_step
from lightning_gans.networks.noise_injection import NoiseInjection

MAPS = torch.zeros(4, 3, 5, 6)


def layer(weight: float = 1.0) -> NoiseInjection:
    injection = NoiseInjection(5, 6)
    torch.nn.init.constant_(injection.weight, weight)
    return injection


def test_the_noise_has_no_effect_at_first_and_its_weight_is_learned() -> None:
    injection, maps = NoiseInjection(5, 6), torch.randn(4, 3, 5, 6)
    assert torch.equal(injection(maps), maps)
    injection(maps).square().sum().backward()
    assert injection.weight.grad is not None
    assert injection.weight.grad != 0


def test_in_training_each_image_has_a_map_of_its_own_for_all_channels() -> None:
    noise = layer(2.0)(MAPS)
    assert torch.equal(noise[:, :1].expand_as(noise), noise)
    assert not torch.equal(noise[0], noise[1])
    many = layer(2.0)(torch.zeros(1000, 1, 5, 6))
    assert many.mean().item() == pytest.approx(0, abs=0.05)
    assert many.std().item() == pytest.approx(2, rel=0.05)


def test_in_evaluation_the_map_is_the_stored_one() -> None:
    injection = layer().eval()
    assert torch.equal(injection(MAPS), injection.fixed.expand_as(MAPS))
    other = layer().eval()
    assert not torch.equal(other(MAPS), injection(MAPS))
    other.load_state_dict(injection.state_dict())
    assert torch.equal(other(MAPS), injection(MAPS))
    assert torch.equal(copy.deepcopy(injection)(MAPS), injection(MAPS))


def test_in_training_the_noise_depends_on_seed_and_step_only() -> None:
    injection, device = layer(), torch.device("cpu")

    def at(seed: int, step: int) -> torch.Tensor:
        torch.randn(7)
        seed_step(device, seed, "step", 0, step)
        noise: torch.Tensor = injection(MAPS)
        return noise

    assert torch.equal(at(1, 5), at(1, 5))
    assert not torch.equal(at(1, 5), at(1, 6))
    assert not torch.equal(at(1, 5), at(2, 5))


def test_several_ranks_use_the_noise_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    injection, device = layer(), torch.device("cpu")
    seed_step(device, 1, "step", 0, 3)
    alone = injection(torch.zeros(8, 3, 5, 6))
    monkeypatch.setattr(randomness, "_shared", {})
    monkeypatch.setattr(randomness, "world_size", lambda: 2)
    for rank in range(2):
        monkeypatch.setattr(randomness, "rank", lambda rank=rank: rank)
        seed_step(device, 1, "step", rank, 3)
        assert torch.equal(injection(MAPS), alone[4 * rank : 4 * rank + 4])


def test_the_type_of_the_maps_is_kept() -> None:
    assert layer()(MAPS.bfloat16()).dtype == torch.bfloat16
    assert layer().eval()(MAPS.bfloat16()).dtype == torch.bfloat16
