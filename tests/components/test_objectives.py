"""Objectives: pairs of losses; the formulas of the single losses are tested in test_losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lightning_gans.components.objectives import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Objective,
    Relativistic,
    RelativisticAverage,
    Saturating,
    Wasserstein,
)

LOG_2 = math.log(2)
COMPARING = [Relativistic(), RelativisticAverage()]
OBJECTIVES = [NonSaturating(), Saturating(), LeastSquares(), Wasserstein(), Hinge(), *COMPARING]


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
        (Relativistic(), LOG_2, LOG_2),
        (RelativisticAverage(), 2 * LOG_2, 2 * LOG_2),
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
    assert objective.generator_uses_real_logits is (objective in COMPARING)
    if objective in COMPARING:
        with pytest.raises(ValueError, match="real_logits is None"):
            objective.generator_loss(torch.zeros(2))
    else:
        assert torch.equal(objective.generator_loss(torch.zeros(2)), objective.generator_loss(torch.zeros(2), None))
