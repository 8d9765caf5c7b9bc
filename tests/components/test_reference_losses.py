"""Losses against what the authors' own code makes of the same logits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components.objectives import LeastSquares, Relativistic, Wasserstein
from tests.support.closed_form import SmoothCritic, assert_is, numbers, reference

LSGAN = reference(__file__, "lsgan")
WGAN_GP = reference(__file__, "wgan_gp")
R3GAN = reference(__file__, "r3gan_losses")

# What is ours; all else here is the authors' numbers.


LSGANS = LeastSquares(scale=0.5)
least_squares_of_d, least_squares_of_g = LSGANS.discriminator_loss, LSGANS.generator_loss
wasserstein_of_critic, wasserstein_of_g = Wasserstein().discriminator_loss, Wasserstein().generator_loss
relativistic_of_d, relativistic_of_g = Relativistic().discriminator_loss, Relativistic().generator_loss


def slopes(loss: Tensor, *logits: Tensor) -> list[list[float]]:
    return [slope.tolist() for slope in torch.autograd.grad(loss, logits)]


def judged(case: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of real and of generated images, and the generated images, which the logits depend on."""
    critic = SmoothCritic(case["images"][1:])
    real, fake = numbers(case["images"], 11), numbers(case["images"], 12).requires_grad_(True)
    return critic(real), critic(fake), fake


def test_least_squares_are_the_authors_over_the_number_of_images() -> None:
    # Theirs are sums over the batch, the paper's and ours means: with Adam that is the same game.
    real = (2 * numbers((6,), 21)).requires_grad_(True)
    fake = (2 * numbers((6,), 22)).requires_grad_(True)
    of_d, of_g = len(real) * least_squares_of_d(real, fake), len(real) * least_squares_of_g(fake)
    assert of_d.item() == pytest.approx(LSGAN["discriminator"]["loss"])
    assert of_g.item() == pytest.approx(LSGAN["generator"]["loss"])
    by_real, by_fake = slopes(of_d, real, fake)
    assert by_real == pytest.approx(LSGAN["discriminator"]["real"])
    assert by_fake == pytest.approx(LSGAN["discriminator"]["fake"])
    assert slopes(of_g, fake)[0] == pytest.approx(LSGAN["generator"]["fake"])


def test_wasserstein_losses_are_wgan_gps_authors() -> None:
    real_logits, fake_logits, fake = judged(WGAN_GP)
    assert wasserstein_of_critic(real_logits, fake_logits).item() == pytest.approx(WGAN_GP["wasserstein"])
    of_g = wasserstein_of_g(fake_logits)
    assert of_g.item() == pytest.approx(WGAN_GP["gen_cost"])
    assert_is(torch.autograd.grad(of_g, fake)[0], WGAN_GP["slope"], rtol=1e-5, atol=1e-6)


def test_relativistic_losses_are_r3gans_authors() -> None:
    real_logits, fake_logits, fake = judged(R3GAN)
    assert relativistic_of_d(real_logits, fake_logits).item() == pytest.approx(R3GAN["discriminator"]["loss"])
    of_g = relativistic_of_g(fake_logits, real_logits)
    assert of_g.item() == pytest.approx(R3GAN["generator"]["loss"])
    assert_is(torch.autograd.grad(of_g, fake)[0], R3GAN["generator"]["slope"], rtol=1e-5, atol=1e-6)
