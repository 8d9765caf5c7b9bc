"""Auxiliary losses in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lightning_gans.components.auxiliary import Classification, Origin
from lightning_gans.components.auxiliary.base import concat_rows, take_rows

ORIGIN = Origin(torch.tensor([0, 1]), lambda: torch.zeros(2, 3))


def test_classification_is_a_cross_entropy_with_the_labels() -> None:
    real = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])  # probabilities 3/4 and 1/2 of the labels
    fake = torch.tensor([[0.0, math.log(4.0)], [0.0, math.log(4.0)]])  # 1/5 and 4/5
    on_real, on_fake = (-math.log(3 / 4) - math.log(1 / 2)) / 2, (-math.log(1 / 5) - math.log(4 / 5)) / 2
    loss = Classification()
    assert loss.discriminator_term(real, fake, ORIGIN).item() == pytest.approx(on_real)
    assert loss.generator_term(fake, ORIGIN).item() == pytest.approx(on_fake)
    both = Classification(on_generated=True).discriminator_term(real, fake, ORIGIN)
    assert both.item() == pytest.approx(on_real + on_fake)
    shares = loss.scalars(real, fake, ORIGIN)
    assert {name: share.item() for name, share in shares.items()} == {"accuracy/real": 0.5, "accuracy/fake": 0.5}


def test_a_uniform_classifier_has_the_logarithm_of_the_number_of_classes() -> None:
    head = Classification().make_head(6, 10)
    torch.nn.init.zeros_(head.get_parameter("weight"))
    outputs = head(torch.randn(2, 6))
    assert Classification().generator_term(outputs, ORIGIN).item() == pytest.approx(math.log(10))


@pytest.mark.parametrize("weights", [{"weight_d": -1}, {"weight_g": -0.5}])
def test_negative_weights_are_refused(weights: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(weights))} is -.*expected at least 0"):
        Classification(**weights)


def test_rows_of_outputs_of_any_kind() -> None:
    parts = [torch.arange(4).view(2, 2), torch.arange(4, 8).view(2, 2)]
    whole = concat_rows(parts)
    assert torch.equal(take_rows(whole, slice(2)), parts[0])
    assert torch.equal(take_rows(whole, slice(2, None)), parts[1])
    named = [Origin(part, part) for part in parts]  # type: ignore[arg-type]  # any NamedTuple
    assert torch.equal(concat_rows(named).labels, whole)
    assert torch.equal(take_rows(concat_rows(named), slice(2, None)).latent, parts[1])
    assert concat_rows(parts[:1]) is parts[0]
