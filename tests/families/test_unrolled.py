"""Unrolled GAN: G's gradient through D's updates, and D as it was."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.components.objectives import RelativisticAverage, Wasserstein
from lightning_gans.components.optimizers import FusedRMSprop, GANAdam
from lightning_gans.components.penalties import R1, LeCam, Penalties
from lightning_gans.core.errors import InputError
from lightning_gans.families.unrolling import updates_of
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator
from lightning_gans.networks.constraints import SpectralNorm
from lightning_gans.variants import UnrolledGAN
from tests.support.tiny import TinyData, tiny_trainer
from tests.support.variants import plain

START, RATE, REAL = 0.3, 0.05, 0.8


class Constant(Generator):
    """Images of one pixel, all equal to one weight g."""

    def __init__(self) -> None:
        super().__init__(1, 1, 1)
        self.value = nn.Parameter(torch.tensor([0.1]))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.value.expand(len(latent)).view(-1, 1, 1, 1)


class Slope(Discriminator):
    """The logit is the pixel times one weight."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.weight = nn.Parameter(torch.tensor([START]))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.weight * images.flatten()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_g_s_gradient_knows_how_d_will_react(steps: int, tmp_path: Path) -> None:
    sgd = partial(torch.optim.SGD, lr=RATE)
    model = UnrolledGAN(Constant(), Slope(), Wasserstein(), steps, optimizer_d=sgd, optimizer_g=sgd)
    images = DataLoader(TensorDataset(torch.full((4, 1, 1, 1), REAL), torch.zeros(4).long()), batch_size=4)
    tiny_trainer(tmp_path, max_steps=1).fit(model, images)
    assert isinstance(model.discriminator, Slope)
    assert isinstance(model.generator, Constant)
    # L_D = w (g - r), so D's own update and each unrolled one add RATE (r - g) to w; L_G = -w_K g.
    g, own = 0.1, START + RATE * (REAL - 0.1)
    assert model.discriminator.weight.item() == pytest.approx(own)
    unrolled = own + steps * RATE * (REAL - g)
    gradient = -unrolled + steps * RATE * g
    assert model.generator.value.item() == pytest.approx(g - RATE * gradient)
    assert model.losses["g"].item() == pytest.approx(-unrolled * g)


@pytest.mark.parametrize(
    "make",
    [
        partial(GANAdam, lr=0.1, weight_decay=0.1),
        partial(torch.optim.Adam, lr=0.1),
        partial(FusedRMSprop, lr=0.1),
        partial(torch.optim.SGD, lr=0.1, momentum=0.6, dampening=0.2, weight_decay=0.1),
        partial(torch.optim.SGD, lr=0.1),
    ],
    ids=["GANAdam", "Adam", "FusedRMSprop", "momentum", "SGD"],
)
@pytest.mark.parametrize("done", [0, 2])
def test_updates_are_those_of_the_optimizer_and_leave_it_alone(make: Any, done: int) -> None:
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(4))]
    optimizer = make(weights)
    gradients = [[torch.randn_like(weight) for weight in weights] for _ in range(done + 3)]

    def step(given: list[Tensor]) -> None:
        for weight, gradient in zip(weights, given, strict=True):
            weight.grad = gradient.clone()
        optimizer.step()

    for given in gradients[:done]:
        step(given)
    before = copy.deepcopy(optimizer.state_dict())
    updates, found = updates_of(optimizer, weights), [weight.detach().clone() for weight in weights]
    for given in gradients[done:]:
        found = updates(found, given)
    assert all_equal(optimizer.state_dict(), before)
    for given in gradients[done:]:
        step(given)
    for weight, expected in zip(found, weights, strict=True):
        torch.testing.assert_close(weight, expected.detach(), rtol=1e-4, atol=1e-5)


def all_equal(first: Any, second: Any) -> bool:
    """Whether two states have the same structure and equal tensors."""
    if isinstance(first, Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(all_equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(all_equal, first, second))
    return bool(first == second)


def batch_normalized() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": DCGANDiscriminator(1, 28, width=2),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {**batch_normalized(), "penalty": LeCam(start=0)},
        {**plain(), "penalty": Penalties([R1(), LeCam(start=0)])},
        {**plain(), "constraint": SpectralNorm(), "objective": RelativisticAverage()},
    ],
    ids=["batch norm and LeCam", "R1 and LeCam", "spectral norm and relativistic"],
)
def test_the_step_of_g_leaves_d_and_its_optimizer_exactly_as_they_are(arguments: Any, tmp_path: Path) -> None:
    model = UnrolledGAN(**arguments, unrolled_steps=3)
    unrolled, seen = model.generator_loss, []

    def state() -> Any:
        penalty = None if model.penalty is None else model.penalty.training_state()
        return copy.deepcopy([model.discriminator.state_dict(), model.trainer.optimizers[1].state_dict(), penalty])

    def watched(real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        before = state()
        loss = unrolled(real, fake, labels)
        seen.append(all_equal(dict(before[0]), dict(state()[0])) and all_equal(before[1:], state()[1:]))
        return loss

    model.generator_loss = watched  # type: ignore[method-assign]
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(model, TinyData())
    assert seen == [True] * 3


def test_an_optimizer_that_cannot_be_unrolled_is_refused(tmp_path: Path) -> None:
    model = UnrolledGAN(**plain(), optimizer_d=torch.optim.Adagrad)
    with pytest.raises(InputError, match=r"model\.optimizer_d is Adagrad, whose updates cannot be unrolled; expected"):
        tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())
    with pytest.raises(ValueError, match="unrolled_steps is -1"):
        UnrolledGAN(**plain(), unrolled_steps=-1)
