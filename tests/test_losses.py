from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lightning_gans.losses import minimax, non_saturating, saturating

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
    for value in (minimax(extreme, extreme), saturating(extreme), non_saturating(extreme)):
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
