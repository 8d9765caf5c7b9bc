"""Penalties against what the authors' own code makes of the same critic and images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components import objectives, penalties
from tests.support.closed_form import SmoothCritic, assert_is, numbers, reference
from tests.support.penalties import penalty_term

WGAN_GP = reference(__file__, "wgan_gp")
R3GAN = reference(__file__, "r3gan_losses")
LECAM = reference(__file__, "lecam")


def penalty_of(penalty: penalties.Penalty, critic: SmoothCritic, real: Tensor, fake: Tensor) -> Tensor:
    """What is ours; all else here is the authors' numbers."""
    return penalty_term(penalty, critic, real, fake)


def critic_and_images(case: dict[str, Any]) -> tuple[SmoothCritic, Tensor, Tensor]:
    return SmoothCritic(case["images"][1:]), numbers(case["images"], 11), numbers(case["images"], 12)


def assert_gradients(loss: Tensor, critic: SmoothCritic, expected: dict[str, Any]) -> None:
    names, parameters = zip(*critic.named_parameters(), strict=True)
    assert list(names) == list(expected)
    for gradient, name in zip(torch.autograd.grad(loss, parameters), names, strict=True):
        assert_is(gradient, expected[name], rtol=1e-5, atol=1e-5)


@pytest.fixture
def _places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair's place between the real and the generated image, as given to the authors' code."""
    places = (numbers((WGAN_GP["images"][0],), 13) + 1) / 2
    monkeypatch.setattr(penalties.standard, "uniform_per_image", lambda count, device: places[:count])


@pytest.mark.usefixtures("_places")
def test_gradient_penalty_and_its_gradients_are_wgan_gps_authors() -> None:
    critic, real, fake = critic_and_images(WGAN_GP)
    term = penalty_of(penalties.GradientPenalty(weight=1.0), critic, real, fake)
    assert term.item() == pytest.approx(WGAN_GP["penalty"])
    assert_gradients(term, critic, WGAN_GP["penalty_gradients"])


@pytest.mark.usefixtures("_places")
def test_the_critics_whole_loss_is_wgan_gps_authors() -> None:
    critic, real, fake = critic_and_images(WGAN_GP)
    penalty = penalty_of(penalties.GradientPenalty(weight=WGAN_GP["weight"]), critic, real, fake)
    loss = objectives.wasserstein(critic(real), critic(fake)) + penalty
    assert loss.item() == pytest.approx(WGAN_GP["disc_cost"])
    assert_gradients(loss, critic, WGAN_GP["gradients"])


@pytest.mark.parametrize(
    ("penalty", "keys"),
    [(penalties.R1, ["r1"]), (penalties.R2, ["r2"]), (penalties.R1R2, ["r1", "r2"])],
)
def test_zero_centered_penalties_are_r3gans_authors(penalty: type[penalties.Penalty], keys: list[str]) -> None:
    critic, real, fake = critic_and_images(R3GAN)
    squares = [sum(R3GAN["discriminator"][key]) / len(real) for key in keys]
    found = penalty_of(penalty(weight=R3GAN["gamma"]), critic, real, fake).item()
    assert found == pytest.approx(R3GAN["gamma"] / 2 * sum(squares))


def test_the_discriminators_whole_loss_is_r3gans_authors() -> None:
    critic, real, fake = critic_and_images(R3GAN)
    penalty = penalty_of(penalties.R1R2(weight=R3GAN["gamma"]), critic, real, fake)
    loss = objectives.relativistic(critic(real), critic(fake)) + penalty
    assert loss.item() == pytest.approx(R3GAN["discriminator"]["total"])
    assert_gradients(loss, critic, R3GAN["discriminator"]["gradients"])


def test_lecam_its_averages_and_its_gradients_are_the_authors() -> None:
    critic = SmoothCritic(LECAM["images"][1:])
    lecam = penalties.LeCam(LECAM["weight"], decay=LECAM["decay"], start=LECAM["start"])
    for step, expected in enumerate(LECAM["steps"]):
        real, fake = (numbers(LECAM["images"], seed + step) for seed in (100, 200))
        logits = critic(real), 3 * critic(fake) + 1
        labels = torch.zeros(len(real), dtype=torch.long)
        given = penalties.DiscriminatorPass(real, fake, *logits, labels, lambda images, _: critic(images), step)
        term = lecam.term(given)
        assert list(lecam.training_state().values()) == pytest.approx(expected["averages"], rel=1e-5)
        assert term.item() == pytest.approx(expected["term"], rel=1e-5)
        assert objectives.hinge(*logits).item() == pytest.approx(expected["hinge"], rel=1e-5)
        if "gradients" in expected:
            assert_gradients(term, critic, expected["gradients"])
