from __future__ import annotations

from typing import Any

import pytest
import torch

from lightning_gans.components.optimizers import DecayWithMomentum, FusedRMSprop, GANAdam, LinearDecay


def make(start: float, end: float = 0.0, total: float = 100) -> tuple[torch.optim.Optimizer, LinearDecay]:
    optimizer = GANAdam([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = LinearDecay(optimizer, start=start, end=end)
    schedule.total_steps = total
    return optimizer, schedule


def test_gan_adam_has_the_defaults_of_dcgan() -> None:
    group = GANAdam([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert (group["lr"], group["betas"]) == (2e-4, (0.5, 0.999))


def test_gan_adam_follows_torch_s_own_adam() -> None:
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 50)) for _ in range(2))
    moved = GANAdam([ours], lr=0.1, weight_decay=0.01), torch.optim.Adam([theirs], 0.1, (0.5, 0.999), weight_decay=0.01)
    for step in range(20):
        for weights, optimizer in zip((ours, theirs), moved, strict=True):
            weights.grad = (weights.detach() - 0.3) * (step + 1)
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}])
def test_fused_rmsprop_follows_torch_s_own_rmsprop(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    theirs = [torch.nn.Parameter(torch.randn(shape)) for shape in ((7, 5), (5,))]
    ours = [torch.nn.Parameter(p.detach().clone()) for p in theirs]
    optimizers = torch.optim.RMSprop(theirs, **options), FusedRMSprop(ours, **options)
    for step in range(20):
        if step == 10:  # a resumed run has the state only
            state = optimizers[1].state_dict()
            optimizers = optimizers[0], FusedRMSprop(ours, **options)
            optimizers[1].load_state_dict(state)
        for their, our in zip(theirs, ours, strict=True):
            their.grad = torch.randn_like(their) * 10.0 ** -(step % 4)
            our.grad = their.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_linear_decay_is_constant_then_reaches_its_end_with_the_run() -> None:
    _, schedule = make(start=0.5)
    assert [schedule.factor(step) for step in (0, 50, 75, 100)] == [1.0, 1.0, 0.5, 0.0]
    _, schedule = make(start=0.0, end=0.2)
    assert [schedule.factor(step) for step in (0, 50, 100)] == pytest.approx([1.0, 0.6, 0.2])


def test_linear_decay_sets_the_rate_of_every_step() -> None:
    optimizer, schedule = make(start=0.5, total=4)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == [1.0, 1.0, 1.0, 0.5]


def test_a_restored_schedule_takes_the_length_of_the_new_run() -> None:
    _, old = make(start=0.5, total=100)
    _, new = make(start=0.5, total=200)
    new.load_state_dict(old.state_dict())
    assert new.total_steps == 200


@pytest.mark.parametrize(("kwargs", "named"), [({"start": 1.0}, "start is 1.0"), ({"end": 2.0}, "end is 2.0")])
def test_bad_numbers_are_named(kwargs: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        LinearDecay(GANAdam([torch.nn.Parameter(torch.zeros(1))]), **kwargs)


def test_decay_with_momentum_divides_the_rate_and_raises_momentum_in_a_line() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.5)
    schedule = DecayWithMomentum(optimizer, divisor=1.25, lowest=0.05, momentum=0.7, momentum_steps=4)
    seen = []
    for _ in range(6):
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["momentum"]))
        optimizer.step()
        schedule.step()
    rates, momenta = zip(*seen, strict=True)
    assert rates == pytest.approx([0.1, 0.08, 0.064, 0.0512, 0.05, 0.05])
    assert momenta == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.7])


def test_decay_with_momentum_has_the_defaults_of_the_papers_code() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.5)
    schedule = DecayWithMomentum(optimizer)
    assert (schedule.divisor, schedule.lowest, schedule.momentum) == (1.000004, 1e-6, 0.7)
    assert schedule.momentum_steps == 250 * 500


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"divisor": 0.9}, "divisor is 0.9; expected at least 1"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"momentum_steps": 0}, "momentum_steps is 0"),
    ],
)
def test_bad_numbers_of_decay_with_momentum_are_named(kwargs: dict[str, float], named: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.5)
    with pytest.raises(ValueError, match=named):
        DecayWithMomentum(optimizer, **kwargs)  # type: ignore[arg-type]


def test_decay_with_momentum_refuses_an_optimizer_without_momentum() -> None:
    with pytest.raises(ValueError, match="optimizer is GANAdam, which has no momentum"):
        DecayWithMomentum(GANAdam([torch.nn.Parameter(torch.zeros(1))]))
