"""Precision, recall, density and coverage, against scikit-learn's neighbors, closed forms and expectations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.metrics import prdc
from lightning_gans.metrics.prdc import PRDC, SCORES, distances


def scores(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    metric = PRDC(real.shape[1], k)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return {name: value.item() for name, value in metric.compute().items()}


def reference(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    """The definitions from whole float64 matrices; scikit-learn leaves the point itself out when it is given none."""
    x, y = real.double().numpy(), fake.double().numpy()
    x_radii, y_radii = (NearestNeighbors(n_neighbors=k).fit(z).kneighbors()[0][:, -1] for z in (x, y))
    between = pairwise_distances(x, y, metric="minkowski")
    in_real, in_fake = between <= x_radii[:, None], between <= y_radii[None, :]
    return {
        "precision": np.mean(in_real.any(axis=0)),
        "recall": np.mean(in_fake.any(axis=1)),
        "density": in_real.sum() / (k * len(y)),
        "coverage": np.mean(in_real.any(axis=1)),
    }


@pytest.mark.parametrize(
    ("numbers", "length", "k"), [((90, 70), 3, 5), ((70, 90), 16, 3), ((65, 64), 300, 1), ((6, 40), 2, 5)]
)
def test_scores_agree_with_scikit_learn(numbers: tuple[int, int], length: int, k: int) -> None:
    real, fake = torch.randn(numbers[0], length), 0.9 * torch.randn(numbers[1], length) + 0.2
    expected = reference(real, fake, k)
    assert min(expected.values()) > 0
    assert scores(real, fake, k) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("block", "tile"), [(1, 64), (7, 3), (256, 1), (31, 1000)])
def test_the_size_of_the_blocks_changes_nothing(block: int, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = torch.randn(62, 5), torch.randn(45, 5) + 0.5
    real[40:50], fake[3:9] = real[:10], real[20:26]  # copies, for distances that are equal
    whole = scores(real, fake)
    monkeypatch.setattr(prdc, "BLOCK_ROWS", block)
    monkeypatch.setattr(prdc, "BLOCK_COLUMNS", tile)
    assert scores(real, fake) == whole


def by_definition(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    """From all distances, each computed from differences."""
    between = distances(real, fake)
    within = (distances(z, z).fill_diagonal_(math.inf) for z in (real, fake))
    x_radii, y_radii = (each.topk(k, largest=False).values[:, -1] for each in within)
    in_real, in_fake = between <= x_radii[:, None], between <= y_radii
    return {
        "precision": in_real.any(dim=0).double().mean().item(),
        "recall": in_fake.any(dim=1).double().mean().item(),
        "density": in_real.sum().item() / (k * len(fake)),
        "coverage": in_real.any(dim=1).double().mean().item(),
    }


def grid(number: int) -> Tensor:
    """Points with whole coordinates, of which many have equal distances, in random order."""
    return torch.randint(0, 3, (number, 4)).float()


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (torch.randn(300, 40), torch.randn(280, 40)),
        (F.normalize(torch.randn(300, 40) + 1), F.normalize(torch.randn(300, 40) + 1)),
        (1e4 + 1e-3 * torch.randn(300, 8), 1e4 + 1e-3 * torch.randn(300, 8)),  # differences are lost in the squares
        (torch.randn(300, 4), torch.randn(1, 4).expand(300, -1)),
        (grid(300), grid(300)),
    ],
    ids=["usual", "unit", "far", "collapsed", "ties"],
)
@pytest.mark.parametrize("k", [1, 5, 70])
def test_estimates_change_no_score(real: Tensor, fake: Tensor, k: int) -> None:
    assert scores(real, fake, k) == by_definition(real, fake, k)


def test_scores_are_of_all_images_for_any_partition() -> None:
    real, fake = torch.randn(30, 4), torch.randn(23, 4) + 0.3
    whole = scores(real, fake)
    first, second = PRDC(4), PRDC(4)
    for index in range(0, 30, 4):
        part = first if index < 12 else second
        part.update(real[index : index + 4], real=True)
        part.update(fake[index : index + 4], real=False)
    first.merge_state(second)
    merged = first.compute()
    assert {name: value.item() for name, value in merged.items()} == whole
    assert all(value.dtype == torch.float64 and value.shape == () for value in merged.values())


@pytest.mark.parametrize("offset", [1000.0, -30000.0])
def test_a_large_common_offset_costs_no_precision(offset: float) -> None:
    real, fake = torch.randn(80, 12) + offset, 0.9 * torch.randn(60, 12) + offset
    assert scores(real, fake) == pytest.approx(reference(real, fake, 5), rel=1e-12)


def test_distances_are_exact_beside_a_large_offset_and_the_same_wherever_they_are_computed() -> None:
    x = torch.randn(90, 37) + 1000
    x[30:60] = torch.nextafter(x[:30], torch.tensor(math.inf))
    x[60:] = x[:30]
    between = distances(x, x)
    differences = x[:, None].double() - x[None].double()
    assert torch.allclose(between, differences.norm(dim=2), rtol=1e-14, atol=0)
    assert torch.equal(between, between.T)
    assert torch.equal(between[:30, 60:], between[:30, :30])
    assert between[:30, 60:].diagonal().eq(0).all()
    assert torch.equal(distances(x[11:50], x[5:12]), between[11:50, 5:12])


def test_the_border_of_a_ball_is_inside() -> None:
    real, fake = torch.tensor([[0.0], [1.0], [3.0], [-5.0]]), torch.tensor([[-1.0], [2.0]])
    # Radii of the real ones: 1, 1, 2, 5; of the generated: 3, 3. On a border are -1 from 0, and 2 from 1.
    assert scores(real, fake, k=1) == {"precision": 1, "recall": 3 / 4, "density": 4 / 2, "coverage": 1}


@pytest.mark.parametrize("k", [1, 5])
def test_the_real_images_themselves_score_one_and_each_ball_holds_its_neighbors_and_its_center(k: int) -> None:
    # A length and an offset with which every distance is rounded.
    real = torch.randn(150, 37) + 1000 / 3
    assert scores(real, real[torch.randperm(150)], k) == {
        "precision": 1,
        "recall": 1,
        "density": (k + 1) / k,
        "coverage": 1,
    }


def test_a_ball_of_radius_zero_holds_copies_only() -> None:
    few = torch.rand(7, 20) + 10
    real = few.repeat(4, 1)  # with k = 3 all neighbors are copies
    assert scores(real, few, k=3) == {"precision": 1, "recall": 1, "density": 4 / 3, "coverage": 1}
    beside = few.clone()
    beside[:, 0] = torch.nextafter(few[:, 0], torch.tensor(math.inf))
    assert scores(real, beside, k=3) == {"precision": 0, "recall": 1, "density": 0, "coverage": 0}


def test_one_real_image_again_and_again_is_precise_but_recalls_itself_alone() -> None:
    real = torch.randn(50, 6)
    _, near = NearestNeighbors(n_neighbors=5).fit(real.numpy()).kneighbors()
    holding = 1 + (near == 0).any(axis=1).sum()  # balls with image 0: its own, and those it is a neighbor of
    expected = {"precision": 1, "recall": 1 / 50, "density": holding / 5, "coverage": holding / 50}
    assert scores(real, real[:1].repeat(20, 1)) == pytest.approx(expected, rel=1e-12)


def test_far_away_all_scores_are_zero() -> None:
    assert scores(torch.randn(40, 8), torch.randn(40, 8) + 100) == dict.fromkeys(SCORES, 0)


def test_a_dropped_mode_costs_recall_and_coverage_but_not_precision() -> None:
    real = torch.cat([torch.randn(100, 2), torch.randn(100, 2) + 50])
    both, one = torch.cat([torch.randn(100, 2), torch.randn(100, 2) + 50]), torch.randn(200, 2)
    match, dropped = scores(real, both), scores(real, one)
    assert dropped["precision"] == pytest.approx(match["precision"], abs=0.05)
    for name in ("recall", "coverage"):
        assert match[name] > 0.85
        assert 0.4 < dropped[name] <= 0.5


def test_for_one_distribution_density_and_coverage_have_their_expectations() -> None:
    n, m, k = 20, 12, 3
    runs = [scores(torch.randn(n, 4), torch.randn(m, 4), k) for _ in range(300)]
    # The k nearest of a real image among the other n - 1 and the m generated are all real: one without coverage.
    expected = {"density": 1.0, "coverage": 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))}
    for name, value in expected.items():
        values = np.array([run[name] for run in runs])
        assert abs(values.mean() - value) < 4 * values.std() / 300**0.5


@pytest.mark.parametrize("numbers", [(5, 20), (20, 5), (0, 20), (20, 0)])
def test_with_k_images_or_fewer_there_are_no_scores(numbers: tuple[int, int]) -> None:
    metric = PRDC(3, k=5)
    for number, real in zip(numbers, (True, False), strict=True):
        if number:
            metric.update(torch.randn(number, 3), real=real)
    values = metric.compute()
    assert tuple(values) == SCORES
    assert all(value.dtype == torch.float64 and value.isnan() for value in values.values())


def test_features_are_left_as_they_were() -> None:
    real, fake = torch.randn(9, 3), torch.randn(8, 3)
    before = real.clone(), fake.clone()
    scores(real, fake)
    assert torch.equal(real, before[0])
    assert torch.equal(fake, before[1])


def test_k_must_be_positive() -> None:
    with pytest.raises(ValueError, match="k is 0; expected at least 1"):
        PRDC(4, k=0)


@pytest.mark.gpu
def test_on_a_gpu_borders_are_as_exact_as_on_a_cpu() -> None:
    real, fake = torch.randn(700, 37) + 1000 / 3, torch.randn(600, 37) + 1000 / 3
    fake[:100] = real[100:200]
    assert scores(real.cuda(), fake.cuda()) == scores(real, fake)
    assert scores(real.cuda(), real.cuda().flip(0))["density"] == 6 / 5
