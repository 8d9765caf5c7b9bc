"""Auxiliary losses in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lightning_gans.components.auxiliary import Classification, DataToData, MutualInformation, Origin
from lightning_gans.components.auxiliary.base import concat_rows, take_rows
from lightning_gans.components.auxiliary.data_to_data import Embedded
from lightning_gans.components.auxiliary.information import CodePrediction

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


def test_data_to_data_is_the_papers_equation() -> None:
    """The first value is that of the authors' code (PyTorch-StudioGAN), whose shift is 0 there: all cosines are 1/4."""
    labels, classes = torch.tensor([0, 1, 1]), torch.eye(3)
    loss = DataToData(temperature=0.5, margin=0.75)
    equal = torch.linalg.cholesky(0.75 * torch.eye(3) + 0.25)
    assert loss.loss(Embedded(equal, equal @ classes.T), labels).item() == pytest.approx(1.062879809834908)
    vectors = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.8, 0.6]])
    cosines = vectors @ vectors.T
    expected = 0.0
    for i, label in enumerate(labels.tolist()):
        positive = math.exp(min(vectors[i, label].item() - 0.75, 0) / 0.5)
        others = [j for j in range(3) if labels[j] != label]
        negative = sum(math.exp(max(cosines[i, j].item() - 0.25, 0) / 0.5) for j in others)
        expected -= math.log(positive / (positive + negative)) / 3
    given = Embedded(vectors, vectors @ classes.T)
    assert loss.loss(given, labels).item() == pytest.approx(expected)
    origin = Origin(labels, lambda: torch.zeros(3, 1))
    assert loss.discriminator_term(given, given, origin).item() == loss.generator_term(given, origin).item()
    assert loss.scalars(given, given, origin)["accuracy/real"].item() == 1


def test_embeddings_have_length_one() -> None:
    embedded = DataToData(dim=5).make_head(6, 4)(torch.randn(3, 6) * 100)
    torch.testing.assert_close(embedded.vectors.norm(dim=1), torch.ones(3))
    assert embedded.similarities.shape == (3, 4)
    assert embedded.similarities.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"margin": 1.5}, {"dim": 0}])
def test_settings_of_data_to_data_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is "):
        DataToData(**settings)


LATENT = torch.tensor([[9.0, 0, 1, 0.5, -1], [9, 1, 0, 0, 0]])
"""Two vectors of an entry of noise, a code of two values and two continuous codes."""


def test_the_mutual_information_in_closed_form() -> None:
    term = MutualInformation([2], 2, weight=2.0, continuous_weight=0.5, fixed_std=False)
    assert (term.weight_d, term.weight_g) == (2, 2)
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])  # probabilities 3/4 and 1/2 of the codes
    means, stds = torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [1.0, 0.5]])
    prediction = CodePrediction(logits, means, stds.log())
    origin = Origin(torch.zeros(2, dtype=torch.long), lambda: LATENT)
    categorical = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    normal = torch.distributions.Normal(means, stds)
    log_densities: torch.Tensor = normal.log_prob(LATENT[:, 3:])  # type: ignore[no-untyped-call]
    continuous = -log_densities.sum(dim=1).mean().item()
    expected = categorical + 0.5 * continuous
    assert term.generator_term(prediction, origin).item() == pytest.approx(expected)
    assert term.discriminator_term(None, prediction, origin).item() == pytest.approx(expected)  # type: ignore[arg-type]
    bounds = term.scalars(prediction, prediction, origin)
    assert bounds["information/categorical"].item() == pytest.approx(math.log(2) - categorical)
    assert bounds["information/continuous"].item() == pytest.approx(2 * math.log(2) - continuous)


def test_a_head_that_knows_a_code_reaches_its_entropy() -> None:
    """The bound is the mutual information, which is H(c) if x determines c."""
    term = MutualInformation([2], 0)
    prediction = CodePrediction(100.0 * LATENT[:, 1:3], torch.zeros(2, 0), torch.zeros(2, 0))
    bounds = term.scalars(prediction, prediction, Origin(torch.zeros(2), lambda: LATENT[:, :3]))
    assert {name: bound.item() for name, bound in bounds.items()} == {
        "information/categorical": pytest.approx(math.log(2))
    }


@pytest.mark.parametrize(("fixed", "outputs"), [(True, 7), (False, 9)])
def test_the_head_of_codes(fixed: bool, outputs: int) -> None:
    head = MutualInformation([2, 3], 2, fixed_std=fixed).make_head(6, 0)
    prediction = head(torch.randn(4, 6))
    assert [part.shape[1] for part in prediction] == [5, 2, 2]
    assert bool((prediction.log_stds == 0).all()) is fixed
    assert head.get_parameter("layers.3.weight").shape == (outputs, 128)
