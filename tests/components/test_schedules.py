from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.components.optimizers import CosineDecay, GANAdam
from lightning_gans.components.schedules import CosineSchedule, ExponentialSchedule, value_at
from lightning_gans.core.errors import InputError

GAMMA = {0: 0.05, 4_000_000: 0.04570288237, 9_999_872: 0.02750045239, 20_000_000: 0.005, 30_000_000: 0.005}
BETA2 = {0: 0.9, 4_000_000: 0.9085942353, 9_999_872: 0.9449990952, 20_000_000: 0.99, 30_000_000: 0.99}
RATE = {0: 2e-4, 4_000_000: 1.856762746e-4, 9_999_872: 1.25001508e-4, 20_000_000: 5e-5, 30_000_000: 5e-5}
"""By images seen, gamma, beta2 and the learning rate of the preset CIFAR10: what ``cosine_decay_with_warmup`` returns
(training/training_loop.py of github.com/brownvc/R3GAN at commit 19a7ddf) for the numbers in train.py."""

BURN_IN = 20_000_000


@pytest.mark.parametrize("images", GAMMA)
def test_a_schedule_has_the_authors_values(images: int) -> None:
    schedule = CosineSchedule(0.05, 0.005, steps=BURN_IN)
    assert schedule.at(images, math.inf) == pytest.approx(GAMMA[images], rel=1e-8)


def test_rate_and_beta2_are_the_authors_at_every_step() -> None:
    optimizer = GANAdam([torch.nn.Parameter(torch.zeros(1))], lr=2e-4, betas=(0.0, 0.9))
    schedule = CosineDecay(optimizer, lr=5e-5, beta2=0.99, steps=BURN_IN)
    for images, rate in RATE.items():
        schedule.last_epoch = images
        schedule.optimizer.param_groups[0]["lr"] = schedule.get_lr()[0]
        group = optimizer.param_groups[0]
        assert group["lr"] == pytest.approx(rate, rel=1e-8)
        assert group["betas"] == pytest.approx((0.0, BETA2[images]), rel=1e-8)


def test_a_share_of_the_run() -> None:
    schedule = CosineSchedule(1.0, 0.0, share=0.5)
    assert [schedule.at(step, 8) for step in (0, 2, 4, 8)] == pytest.approx([1.0, 0.5, 0.0, 0.0])
    with pytest.raises(InputError, match="CosineSchedule needs a run of known length"):
        schedule.at(1, math.inf)


def test_a_plain_number_has_one_value() -> None:
    assert value_at(3.0, 5, math.inf) == 3.0


def test_a_restored_decay_continues_as_an_uninterrupted_one() -> None:
    def made() -> tuple[torch.optim.Optimizer, CosineDecay]:
        optimizer = GANAdam([torch.nn.Parameter(torch.zeros(1))], lr=1.0, betas=(0.0, 0.9))
        schedule = CosineDecay(optimizer, lr=0.1, beta2=0.99, share=0.5)
        schedule.total_steps = 20
        return optimizer, schedule

    def steps(optimizer: torch.optim.Optimizer, schedule: CosineDecay, count: int) -> list[tuple[float, float]]:
        seen = []
        for _ in range(count):
            optimizer.step()
            schedule.step()
            seen.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"][1]))
        return seen

    whole = steps(*made(), 12)
    optimizer, schedule = made()
    steps(optimizer, schedule, 5)
    state = optimizer.state_dict(), schedule.state_dict()
    optimizer, schedule = made()
    optimizer.load_state_dict(state[0])
    schedule.load_state_dict(state[1])
    assert steps(optimizer, schedule, 7) == whole[5:]
    assert whole[-1] == pytest.approx((0.1, 0.99))


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [({"steps": 0}, "steps is 0"), ({"share": 0.0}, r"share is 0\.0"), ({"share": 1.5}, r"share is 1\.5")],
)
def test_bad_durations_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        CosineSchedule(1.0, 0.0, **kwargs)
    with pytest.raises(ValueError, match=named):
        CosineDecay(GANAdam([torch.nn.Parameter(torch.zeros(1))]), **kwargs)


@pytest.mark.parametrize(("beta2", "named"), [(1.0, r"beta2 is 1\.0"), (0.9, "optimizer is SGD, which has no betas")])
def test_a_bad_beta2_is_named(beta2: float, named: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(ValueError, match=named):
        CosineDecay(optimizer, beta2=beta2)


def test_an_exponential_schedule_is_multiplied_at_intervals_until_its_end() -> None:
    schedule = ExponentialSchedule(1.0, 0.5, factor=0.8, steps=10)
    found = [schedule.at(step, math.inf) for step in (0, 9, 10, 29, 30, 40, 1000)]
    assert found == pytest.approx([1, 1, 0.8, 0.64, 0.512, 0.5, 0.5])
    assert ExponentialSchedule(1.0, 8.0, factor=2.0).at(2, math.inf) == 4


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"start": 0.0}, r"start is 0\.0; expected a positive number"),
        ({"factor": 1.1}, r"factor is 1\.1, which does not lead from 1\.0 to 0\.5"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_bad_numbers_of_an_exponential_schedule_are_named(kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExponentialSchedule(**{"start": 1.0, "end": 0.5, "factor": 0.9, "steps": 1, **kwargs})  # type: ignore[arg-type]
