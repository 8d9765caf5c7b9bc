"""The patchwise contrastive loss of CUT against the paper's equations, computed term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.contrastive import draw_places, patch_nce
from tests.support.closed_form import numbers


def unit(*shape: int, seed: int) -> Tensor:
    """Embeddings of unit length."""
    return F.normalize(numbers(shape, seed), dim=-1)


def nce(query: np.ndarray, positive: np.ndarray, negatives: list[np.ndarray], temperature: float) -> float:
    """Eq. 3, for one query."""
    of_positive = math.exp(query @ positive / temperature)
    of_negatives = sum(math.exp(query @ negative / temperature) for negative in negatives)
    return -math.log(of_positive / (of_positive + of_negatives))


def test_the_loss_is_equation_3_for_each_place_with_the_other_places_of_the_image_as_negatives() -> None:
    queries, keys = unit(2, 5, 4, seed=1), unit(2, 5, 4, seed=2)
    expected = []
    for query, key in zip(queries.numpy(), keys.numpy(), strict=True):
        places = range(len(query))
        terms = [nce(query[s], key[s], [key[other] for other in places if other != s], 0.07) for s in places]
        expected.append(sum(terms) / len(terms))
    assert patch_nce(queries, keys, 0.07).tolist() == pytest.approx(expected, rel=1e-12)


def test_the_loss_is_a_cross_entropy_whose_classes_are_the_places() -> None:
    queries, keys = unit(1, 6, 3, seed=3), unit(1, 6, 3, seed=4)
    expected = F.cross_entropy(queries[0] @ keys[0].T / 0.5, torch.arange(6))
    torch.testing.assert_close(patch_nce(queries, keys, 0.5), expected[None])


def test_the_loss_of_embeddings_that_say_nothing_is_the_logarithm_of_the_number_of_places() -> None:
    same = unit(1, 1, 4, seed=5).expand(2, 7, 4)
    assert patch_nce(same, same, 0.07).tolist() == pytest.approx([math.log(7)] * 2)
    apart = torch.eye(7)[None]
    assert patch_nce(apart, apart, 0.07).item() == pytest.approx(math.log1p(6 * math.exp(-1 / 0.07)), abs=1e-6)


def test_an_image_is_compared_with_itself_only() -> None:
    queries, keys = unit(2, 5, 4, seed=6), unit(2, 5, 4, seed=7)
    both = patch_nce(queries, keys, 0.07)
    alone = [patch_nce(queries[i : i + 1], keys[i : i + 1], 0.07) for i in range(2)]
    torch.testing.assert_close(both, torch.cat(alone))


def test_places_are_different_ones_and_all_if_there_are_few() -> None:
    places = draw_places(1000, 256, torch.device("cpu"))
    assert len(set(places.tolist())) == 256
    assert 0 <= int(places.min()) < int(places.max()) < 1000
    assert sorted(draw_places(16, 256, torch.device("cpu")).tolist()) == list(range(16))
    torch.manual_seed(1)
    first = draw_places(1000, 8, torch.device("cpu"))
    torch.manual_seed(1)
    assert torch.equal(draw_places(1000, 8, torch.device("cpu")), first)
