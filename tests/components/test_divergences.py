"""Objectives of f-GANs and of other papers in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lightning_gans.components.objectives import (
    BoundaryEquilibrium,
    EnergyBased,
    FDivergence,
    JensenShannon,
    KullbackLeibler,
    NonSaturating,
    PearsonChiSquared,
    RelativisticAverageHinge,
    RelativisticAverageLeastSquares,
    ReverseKullbackLeibler,
    SmoothedLabels,
    Softmax,
    SquaredHellinger,
    top_logits,
)

DATA, MODEL = torch.tensor([2, 5, 3]), torch.tensor([4, 1, 5])
"""How often each of three points occurs in ten samples of the data, and of the generator."""

P, Q = DATA / 10, MODEL / 10
RATIO = P / Q

# With u = p / q: the logit v for which g(v) = f'(u) (Nowozin et al., 2016, eq. 5 and table 6), and the divergence.
OPTIMA = [
    (KullbackLeibler, 1 + RATIO.log(), (P * RATIO.log()).sum()),
    (ReverseKullbackLeibler, RATIO.log(), -(Q * RATIO.log()).sum()),
    (PearsonChiSquared, 2 * (RATIO - 1), ((P - Q).square() / Q).sum()),
    (SquaredHellinger, RATIO.log() / 2, (P.sqrt() - Q.sqrt()).square().sum()),
    (JensenShannon, RATIO.log(), (P * (2 * P / (P + Q)).log() + Q * (2 * Q / (P + Q)).log()).sum()),
]


def samples(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of ten samples of the data and of the generator."""
    return logits.repeat_interleave(DATA), logits.repeat_interleave(MODEL)


@pytest.mark.parametrize(("kind", "best", "divergence"), OPTIMA)
def test_the_best_d_estimates_the_divergence(kind: type[FDivergence], best: Tensor, divergence: Tensor) -> None:
    logits = best.clone().requires_grad_(True)
    real, fake = samples(logits)
    loss = kind().discriminator_loss(real, fake)
    assert -loss.item() == pytest.approx(divergence.item(), rel=1e-5)
    (slope,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(slope, torch.zeros(3), rtol=0, atol=1e-6)
    # A minimum: any other D estimates less.
    assert kind().discriminator_loss(*samples(best + torch.tensor([0.1, -0.2, 0.1]))) > loss


@pytest.mark.parametrize("kind", [kind for kind, _, _ in OPTIMA])
def test_g_minimizes_the_divergence_or_raises_d_s_output(kind: type[FDivergence]) -> None:
    logits = torch.tensor([-1.5, 0.2, 2.0])
    assert kind(saturating=True).generator_loss(logits) == -kind().conjugate(logits).mean()
    assert kind().generator_loss(logits) == -kind().activation(logits).mean()
    # t = g(v) is in the domain of the conjugate, whose derivative there is the ratio that D has estimated, above 0.
    logits.requires_grad_(True)
    (by_t,) = torch.autograd.grad(kind().activation(logits).sum(), logits)
    (by_conjugate,) = torch.autograd.grad(kind().conjugate(logits).sum(), logits)
    assert (by_conjugate / by_t > 0).all() or kind is PearsonChiSquared


def test_jensen_shannon_is_the_game_of_the_first_gan() -> None:
    real, fake = torch.randn(6), torch.randn(6)
    expected = NonSaturating().discriminator_loss(real, fake) - 2 * math.log(2)
    torch.testing.assert_close(JensenShannon().discriminator_loss(real, fake), expected)
    torch.testing.assert_close(JensenShannon().generator_loss(fake), NonSaturating().generator_loss(fake) - math.log(2))


def test_exponentials_are_continued_as_their_tangents() -> None:
    values = torch.tensor([20.0, 21.0, 30.0], requires_grad=True)
    losses = KullbackLeibler().conjugate(values + 1)
    torch.testing.assert_close(losses, math.exp(20) * torch.tensor([1.0, 2.0, 11.0]))
    (slopes,) = torch.autograd.grad(losses.sum(), values)
    torch.testing.assert_close(slopes, torch.full((3,), math.exp(20)))


def test_relativistic_averages_compare_with_the_mean_of_the_other_kind() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.0])  # real - mean: 2, 4; fake - mean: -4, -2
    squares, hinge = RelativisticAverageLeastSquares(), RelativisticAverageHinge()
    assert squares.discriminator_loss(real, fake).item() == pytest.approx((1 + 9) / 2 + (9 + 1) / 2)
    assert squares.generator_loss(fake, real).item() == pytest.approx((25 + 9) / 2 + (9 + 25) / 2)
    assert hinge.discriminator_loss(real, fake).item() == pytest.approx(0)
    assert hinge.generator_loss(fake, real).item() == pytest.approx((5 + 3) / 2 + (3 + 5) / 2)


def test_softmax_wants_all_on_real_images_and_g_wants_it_spread_over_the_batch() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.0])
    shares = torch.cat([real, fake]).softmax(0)
    d, g = Softmax().discriminator_loss(real, fake), Softmax().generator_loss(fake, real)
    assert d.item() == pytest.approx(-shares[:2].log().mean().item())
    assert g.item() == pytest.approx(-shares.log().mean().item())
    # G's least loss is the entropy of the uniform distribution over the batch.
    assert Softmax().generator_loss(real, real).item() > math.log(4)
    assert Softmax().generator_loss(torch.ones(2), torch.ones(2)).item() == pytest.approx(math.log(4))


def test_the_best_d_of_smoothed_labels_is_the_papers() -> None:
    objective = SmoothedLabels(real=0.9, fake=0.2)
    best = (0.9 * P + 0.2 * Q) / (P + Q)
    logits = torch.logit(best).requires_grad_(True)
    (slope,) = torch.autograd.grad(objective.discriminator_loss(*samples(logits)), logits)
    torch.testing.assert_close(slope, torch.zeros(3), rtol=0, atol=1e-6)
    plain = SmoothedLabels(real=1.0).discriminator_loss(P, Q)
    torch.testing.assert_close(plain, NonSaturating().discriminator_loss(P, Q))


def test_energies_count_up_to_the_margin() -> None:
    real, fake = torch.tensor([-0.5, -1.5]), torch.tensor([-0.25, -4.0])
    assert EnergyBased(margin=2.0).discriminator_loss(real, fake).item() == pytest.approx(1 + (1.75 + 0) / 2)
    assert EnergyBased(margin=2.0).generator_loss(fake).item() == pytest.approx(4.25 / 2)


def test_the_equilibrium_follows_the_ratio_of_energies() -> None:
    objective = BoundaryEquilibrium(gamma=0.5, lambda_k=0.1)
    real, fake = torch.tensor([-4.0, -2.0]), torch.tensor([-1.0, -0.0])
    assert objective.discriminator_loss(real, fake).item() == pytest.approx(3)
    objective.observe(real, fake)  # .5 * 3 - .5 = 1
    k, measure = (value.item() for value in objective.scalars().values())
    assert k == pytest.approx(0.1)
    assert measure == pytest.approx(3 + 1)
    assert objective.discriminator_loss(real, fake).item() == pytest.approx(3 - 0.1 * 0.5)
    assert objective.generator_loss(fake).item() == pytest.approx(0.5)
    other = BoundaryEquilibrium(gamma=0.5, lambda_k=0.1)
    other.load_training_state(objective.training_state())
    assert other.discriminator_loss(real, fake) == objective.discriminator_loss(real, fake)
    for _ in range(20):
        objective.observe(real, fake)
    assert objective.training_state() == {"k": 1.0}
    objective.observe(fake, 40 * real)
    assert objective.training_state() == {"k": 0.0}


def test_top_logits_are_those_of_the_images_with_the_highest_means() -> None:
    fake, real = torch.tensor([[1.0, 3.0], [0.0, 0.0], [5.0, 0.0], [-1.0, 2.0]]), torch.arange(8.0).view(4, 2)
    chosen, paired = top_logits(fake, real, 0.5)
    assert chosen.tolist() == [[5.0, 0.0], [1.0, 3.0]]
    assert paired is not None
    assert paired.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert top_logits(fake, None, 0.01)[0].tolist() == [[5.0, 0.0]]
    assert top_logits(fake, None, 1.0)[0] is fake


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnergyBased(margin=0.0), r"margin is 0\.0; expected a positive number"),
        (lambda: BoundaryEquilibrium(gamma=2.0), r"gamma is 2\.0; expected a ratio in \(0, 1\]"),
        (lambda: BoundaryEquilibrium(lambda_k=0.0), r"lambda_k is 0\.0"),
        (lambda: SmoothedLabels(real=0.1, fake=0.2), r"fake is 0\.2 and real is 0\.1"),
    ],
)
def test_bad_numbers_are_named(make: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
