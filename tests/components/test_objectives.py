"""The formulas of single losses, and objectives, which are pairs of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lightning_gans.components.objectives import (
    BoundaryEquilibrium,
    EnergyBased,
    Hinge,
    JensenShannon,
    KullbackLeibler,
    LeastSquares,
    NonSaturating,
    Objective,
    PearsonChiSquared,
    Relativistic,
    RelativisticAverage,
    RelativisticAverageHinge,
    RelativisticAverageLeastSquares,
    ReverseKullbackLeibler,
    Saturating,
    SmoothedHinge,
    SmoothedLabels,
    Softmax,
    SquaredHellinger,
    Wasserstein,
    hinge,
    mean_squared_error,
    minimax,
    negative_mean_logit,
    non_saturating,
    relativistic,
    saturating,
    wasserstein,
)
from tests.support.variants import OBJECTIVES as ALL_OBJECTIVES

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 2.0])
REAL = torch.tensor([1.0, -2.0, 0.3, 4.0])


def test_minimax_is_the_binary_cross_entropy_of_both_halves() -> None:
    expected = F.binary_cross_entropy_with_logits(REAL, torch.ones(4)) + F.binary_cross_entropy_with_logits(
        LOGITS, torch.zeros(4)
    )
    torch.testing.assert_close(minimax(REAL, LOGITS), expected)


def test_minimax_is_two_log_two_where_d_is_one_half() -> None:
    assert minimax(torch.zeros(5), torch.zeros(5)).item() == pytest.approx(2 * math.log(2))


def test_generator_losses_are_their_formulas() -> None:
    judged = torch.sigmoid(LOGITS)
    torch.testing.assert_close(saturating(LOGITS), torch.log(1 - judged).mean())
    torch.testing.assert_close(non_saturating(LOGITS), -torch.log(judged).mean())


@pytest.mark.parametrize("loss", [saturating, non_saturating])
def test_generator_losses_fall_where_d_believes_more(loss: object) -> None:
    assert callable(loss)
    assert loss(LOGITS + 1) < loss(LOGITS)


def test_only_the_saturating_gradient_vanishes_where_d_is_sure() -> None:
    slopes = []
    for loss in (saturating, non_saturating):
        logit = torch.tensor([-12.0], requires_grad=True)
        (slope,) = torch.autograd.grad(loss(logit), logit)
        slopes.append(slope.item())
    # The derivatives by the logit are -D and D - 1.
    judged = torch.sigmoid(torch.tensor(-12.0)).item()
    assert slopes == pytest.approx([-judged, judged - 1], rel=1e-5)


def test_losses_stay_finite_and_in_float32_for_extreme_half_precision_logits() -> None:
    extreme = torch.tensor([-1e4, 1e4], dtype=torch.bfloat16)
    pairs = (minimax, wasserstein, hinge, relativistic)
    values = [loss(extreme, extreme) for loss in pairs]
    values += [loss(extreme) for loss in (saturating, non_saturating, negative_mean_logit)]
    for value in [*values, mean_squared_error(extreme, 1.0)]:
        assert value.dtype == torch.float32
        assert torch.isfinite(value)


def test_the_mean_squared_error_is_its_formula() -> None:
    expected = (16.0 + 2.25 + 1.0 + 1.0) / 4
    assert mean_squared_error(LOGITS, 1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (-2.0, 3.0, 0.5)])
def test_the_best_d_of_least_squares_is_the_papers(a: float, b: float, c: float) -> None:
    # Mao et al. (2017), eq. 4: with densities p of data and q of G at a point, D* = (b p + a q) / (p + q).
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.1, 0.3, 0.6])
    output = torch.zeros(3, requires_grad=True)
    for _ in range(2000):
        loss = sum(
            density[i] * mean_squared_error(output[i], target) / 2
            for density, target in ((p, b), (q, a))
            for i in range(3)
        )
        assert isinstance(loss, torch.Tensor)
        (slope,) = torch.autograd.grad(loss, output)
        output = (output - slope).detach().requires_grad_(True)
    torch.testing.assert_close(output.detach(), (b * p + a * q) / (p + q))


def test_g_s_least_squares_loss_at_the_best_d_is_the_pearson_divergence() -> None:
    # Section 3.2: with b - c = 1 and b - a = 2, both halves of eq. 5 sum to chi^2(p + q || 2 q) / 2.
    a, b, c = -1.0, 1.0, 0.0
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.1, 0.3, 0.6])
    best = (b * p + a * q) / (p + q)
    value = sum((p + q)[i] * mean_squared_error(best[i], c) / 2 for i in range(3))
    chi_squared = ((2 * q - (p + q)).square() / (p + q)).sum()
    torch.testing.assert_close(value, chi_squared / 2)


def test_wasserstein_is_the_difference_of_means() -> None:
    assert wasserstein(REAL, LOGITS).item() == pytest.approx(-1.5 / 4 - 3.3 / 4)
    assert negative_mean_logit(LOGITS).item() == pytest.approx(1.5 / 4)


def test_hinge_is_its_formula_and_flat_beyond_the_margin() -> None:
    assert hinge(REAL, LOGITS).item() == pytest.approx((0 + 3 + 0.7 + 0) / 4 + (0 + 0.5 + 1 + 3) / 4)
    sure = torch.tensor([1.5, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(hinge(sure, -sure), sure)
    assert not slope.any()


def test_relativistic_pairs_in_order_and_is_log_two_where_d_cannot_tell() -> None:
    torch.testing.assert_close(relativistic(REAL, LOGITS), -F.logsigmoid(REAL - LOGITS).mean())
    assert relativistic(REAL, REAL).item() == pytest.approx(math.log(2))
    # Only differences count.
    torch.testing.assert_close(relativistic(REAL + 5, LOGITS + 5), relativistic(REAL, LOGITS))


# Objectives.


LOG_2 = math.log(2)
COMPARING = (Relativistic, RelativisticAverage, RelativisticAverageLeastSquares, RelativisticAverageHinge, Softmax)
OBJECTIVES = [objective() for objective in ALL_OBJECTIVES]


@pytest.mark.parametrize(
    ("objective", "discriminator", "generator"),
    [
        (NonSaturating(), 2 * LOG_2, LOG_2),
        (Saturating(), 2 * LOG_2, -LOG_2),
        (LeastSquares(scale=0.5), 0.5, 0.5),
        (LeastSquares(), 1.0, 1.0),
        (LeastSquares(a=-1.0, b=1.0, c=0.0), 2.0, 0.0),
        (Wasserstein(), 0.0, 0.0),
        (Hinge(), 2.0, 0.0),
        (SmoothedHinge(smoothing=0.0), 2.0, 0.0),
        (Relativistic(), LOG_2, LOG_2),
        (RelativisticAverage(), 2 * LOG_2, 2 * LOG_2),
        (RelativisticAverageLeastSquares(), 2.0, 2.0),
        (RelativisticAverageHinge(), 2.0, 2.0),
        (Softmax(), math.log(2 * 18), math.log(2 * 18)),
        (KullbackLeibler(), math.exp(-1), 0.0),
        (KullbackLeibler(saturating=True), math.exp(-1), -math.exp(-1)),
        (ReverseKullbackLeibler(), 0.0, 1.0),
        (PearsonChiSquared(), 0.0, 0.0),
        (SquaredHellinger(), 0.0, 0.0),
        (JensenShannon(), 0.0, 0.0),
        (SmoothedLabels(), 2 * LOG_2, LOG_2),
        (EnergyBased(margin=3.0), 3.0, 0.0),
        (BoundaryEquilibrium(), 0.0, 0.0),
    ],
)
def test_losses_where_all_logits_are_zero(objective: Objective, discriminator: float, generator: float) -> None:
    zeros = torch.zeros(2, 1, 3, 3)  # of patches
    assert objective.discriminator_loss(zeros, zeros).item() == pytest.approx(discriminator)
    assert objective.generator_loss(zeros, zeros).item() == pytest.approx(generator)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_d_wants_real_above_fake_and_g_the_reverse(objective: Objective) -> None:
    low, high = torch.tensor([-0.6, -0.2]), torch.tensor([0.1, 0.5])
    assert objective.discriminator_loss(high, low) < objective.discriminator_loss(low, high)
    if isinstance(objective, Softmax):  # its G wants to be equal to the real images
        assert objective.generator_loss(low, low) < objective.generator_loss(low, high)
    else:
        assert objective.generator_loss(high, low) < objective.generator_loss(low, high)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_of_half_precision_logits_are_finite_float32_scalars(objective: Objective) -> None:
    extreme = torch.tensor([-1e4, 1e4], dtype=torch.bfloat16)
    for loss in (objective.discriminator_loss(extreme, extreme), objective.generator_loss(extreme, extreme)):
        assert loss.dtype == torch.float32
        assert loss.shape == ()
        assert torch.isfinite(loss)


def test_relativistic_average_compares_with_the_mean_of_the_other_kind() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.0])
    # Jolicoeur-Martineau (2019), algorithm 2.
    expected = -F.logsigmoid(real + 1).mean() - F.logsigmoid(-(fake - 2)).mean()
    torch.testing.assert_close(RelativisticAverage().discriminator_loss(real, fake), expected)
    expected = -F.logsigmoid(fake - 2).mean() - F.logsigmoid(-(real + 1)).mean()
    torch.testing.assert_close(RelativisticAverage().generator_loss(fake, real), expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_only_comparing_objectives_need_real_logits_for_g(objective: Objective) -> None:
    assert objective.generator_uses_real_logits is isinstance(objective, COMPARING)
    if isinstance(objective, COMPARING):
        with pytest.raises(ValueError, match="real_logits is None"):
            objective.generator_loss(torch.zeros(2))
    else:
        assert torch.equal(objective.generator_loss(torch.zeros(2)), objective.generator_loss(torch.zeros(2), None))
