from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lightning_gans.errors import InputError
from lightning_gans.penalties import R1, R2, squared_slope


class Linear:
    """A critic whose slope is known: the same vector everywhere."""

    def __init__(self, channels: int) -> None:
        self.slope = torch.randn(channels, 4, 4, requires_grad=True)

    def __call__(self, images: Tensor) -> Tensor:
        return (images * self.slope).flatten(1).sum(dim=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_squared_slope_of_a_linear_critic_is_its_squared_norm(channels: int) -> None:
    critic = Linear(channels)
    slope = squared_slope(critic, torch.randn(5, channels, 4, 4))
    torch.testing.assert_close(slope, critic.slope.square().sum())


def test_squared_slope_is_differentiable_in_the_critic() -> None:
    critic = Linear(3)
    (gradient,) = torch.autograd.grad(squared_slope(critic, torch.randn(2, 3, 4, 4)), critic.slope)
    torch.testing.assert_close(gradient, 2 * critic.slope)


def test_r1_looks_at_real_images_and_r2_at_generated_ones() -> None:
    def critic(images: Tensor) -> Tensor:
        return images.square().flatten(1).sum(dim=1) / 2  # slope: the image itself

    real, fake = torch.ones(2, 1, 2, 2), 3 * torch.ones(2, 1, 2, 2)
    assert R1(weight=1.0)(critic, real, fake).item() == pytest.approx(4 / 2)
    assert R2(weight=1.0)(critic, real, fake).item() == pytest.approx(36 / 2)


def test_a_lazy_penalty_has_the_same_mean_as_an_eager_one() -> None:
    critic, real = Linear(1), torch.randn(3, 1, 4, 4)
    eager, lazy = R1(weight=0.7, every=1), R1(weight=0.7, every=4)
    means = [sum(p(critic, real, real).item() for step in range(8) if p.due(step)) / 8 for p in (eager, lazy)]
    assert means[0] == pytest.approx(means[1])


@pytest.mark.parametrize(("kwargs", "named"), [({"weight": -1.0}, "weight is -1.0"), ({"every": 0}, "every is 0")])
def test_bad_numbers_are_named(kwargs: dict[str, float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        R1(**kwargs)  # type: ignore[arg-type]
