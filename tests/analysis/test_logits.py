from __future__ import annotations

import math

import pytest
import torch

from lightning_gans.analysis.logits import auc, compare_logits


def test_auc_in_numbers() -> None:
    low = torch.tensor([0.0, 1.0])
    assert auc(torch.tensor([2.0, 3.0]), low) == 1
    assert auc(low, torch.tensor([2.0, 3.0])) == 0
    assert auc(low, low) == 0.5
    # Of four pairs two are right, one is tied.
    assert auc(torch.tensor([1.0, 0.5]), low) == (1 + 0.5 + 1 + 0) / 4
    assert math.isnan(auc(torch.tensor([math.nan]), low))


def test_an_overfitted_discriminator_is_seen_in_standard_deviations_of_held_out_images() -> None:
    held_out = torch.tensor([1.0, 3.0])
    found = compare_logits(train=torch.tensor([5.0, 6.0]), fake=torch.tensor([0.0]), held_out=held_out)
    assert found == {
        "mean_train": 5.5,
        "mean_fake": 0,
        "mean_held_out": 2,
        "std_held_out": 1,
        "discriminator_overfit": 3.5,
        "auc_train": 1,
        "auc_held_out": 1,
    }


def test_a_discriminator_that_has_not_overfitted_scores_about_zero() -> None:
    train, held_out, fake = torch.randn(3, 2000)
    assert compare_logits(train, fake, held_out)["discriminator_overfit"] == pytest.approx(0, abs=0.15)


def test_without_held_out_images_there_are_no_numbers_of_them() -> None:
    found = compare_logits(torch.ones(2), torch.zeros(2), None)
    assert [name for name, value in found.items() if value is None] == [
        "mean_held_out",
        "std_held_out",
        "discriminator_overfit",
        "auc_held_out",
    ]
