"""Each score moves with known degradations of real images as its definition says."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
import torch

NUMBER = 2000
K = 5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return {}


@pytest.fixture
def steps(script: Any, kept: dict[str, Any], mnist_root: Path) -> dict[str, dict[float, Any]]:
    """Every degradation's scores by strength, the undegraded ones' at strength 0; measured once."""
    if not kept:
        rows: dict[str, Any] = {}
        extractor = script.DigitFeatures()
        # Every fifth: the first half of the test images is from other writers than the second.
        real = script.features(extractor, script.mnist(str(mnist_root), train=False)[0][::5])
        for degraded in script.degradations(*script.mnist(str(mnist_root), train=True), number=NUMBER):
            row = script.measured(real, degraded, extractor)
            rows.setdefault(row.kind, {})[row.strength] = row.scores
        kept.update(rows)
    return kept


def along(steps: dict[str, dict[float, Any]], kind: str, score: str) -> list[float]:
    """A score at every strength, from none to the most."""
    rows = {} if kind == "images" else steps["none"]
    return [fmean(scores[score]) for scores in (rows | steps[kind]).values()]


def rises(values: list[float]) -> bool:
    return all(low < high for low, high in pairwise(values))


def test_training_images_match_test_images(steps: Any) -> None:
    (scores,) = steps["none"].values()
    assert scores["relative_fid"][0] < 0.01
    assert abs(scores["kid"][0]) < scores["kid_ci95"][0]
    assert min(scores["precision"] + scores["recall"] + scores["density"] + scores["coverage"]) > 0.9


def test_dropped_classes_cost_coverage_and_not_precision(steps: Any, script: Any, mnist_root: Path) -> None:
    kind = "classes kept"
    assert rises(along(steps, kind, "fid"))
    assert rises(along(steps, kind, "kid"))
    # The share of real images whose class is still there.
    labels = script.mnist(str(mnist_root), train=False)[1][::5]
    whole, *coverages = along(steps, kind, "coverage")
    expected = [whole * (labels < count).double().mean().item() for count in steps[kind]]
    assert coverages == pytest.approx(expected, abs=0.04)
    assert along(steps, kind, "precision") == pytest.approx([0.925] * (1 + len(expected)), abs=0.03)
    assert rises(along(steps, kind, "recall")[::-1])


@pytest.mark.parametrize("kind", ["blur, sigma in pixels", "noise, sigma of the range"])
def test_blur_and_noise_cost_everything(steps: Any, kind: str) -> None:
    assert rises(along(steps, kind, "fid"))
    assert rises(along(steps, kind, "kid"))
    for score in ("precision", "coverage"):
        values = along(steps, kind, score)
        # The last are 0 alike.
        assert sorted(values, reverse=True) == pytest.approx(values, abs=0.01)
        assert values[-1] == 0
    assert along(steps, kind, "recall")[-1] == 0


def test_copies_cost_diversity_and_not_precision(steps: Any, script: Any, mnist_root: Path) -> None:
    kind = "distinct images"
    for score in ("fid", "kid"):
        assert rises(along(steps, kind, score))
    assert rises(along(steps, kind, "coverage")[::-1])
    # The k nearest others are copies: the balls have no radius.
    assert along(steps, kind, "recall")[1:] == [0, 0, 0, 0]
    # To all but recall and KID, ten copies of each are what one of each is.
    distinct = NUMBER // 10
    extractor = script.DigitFeatures()
    real = script.features(extractor, script.mnist(str(mnist_root), train=False)[0][::5])
    once = script.measure(real, script.features(extractor, script.mnist(str(mnist_root), train=True)[0][:distinct]))
    copies = {name: values[0] for name, values in steps[kind][distinct].items()}
    for score in ("precision", "density", "coverage"):
        assert copies[score] == once[score]
    assert copies["fid"] == pytest.approx(once["fid"], rel=0.05)
    assert copies["kid"] > once["kid"] + 0.1


def test_fewer_images_cost_coverage_and_raise_fid_but_not_kid(steps: Any) -> None:
    kind = "images"
    assert rises(along(steps, kind, "fid"))
    for scores in steps[kind].values():
        assert abs(fmean(scores["kid"])) < 3 * stdev(scores["kid"]) / len(scores["kid"]) ** 0.5 + 0.1
    # In one continuous distribution, 1 less the chance that none of the images comes among the k nearest.
    expected = [1 - prod((NUMBER - i) / (NUMBER + fewer - i) for i in range(1, K + 1)) for fewer in steps[kind]]
    assert along(steps, kind, "coverage") == pytest.approx(expected, abs=0.04)
    for score in ("precision", "recall"):
        assert along(steps, kind, score) == pytest.approx([0.93] * len(expected), abs=0.05)


def test_the_interval_of_kid_is_as_wide_as_draws_are_apart(steps: Any) -> None:
    for scores in list(steps["images"].values())[1:]:
        assert stdev(scores["kid"]) == pytest.approx(fmean(scores["kid_ci95"]) / 1.96, rel=0.7)


def test_degradations_are_what_they_say(script: Any) -> None:
    images = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 14, 14] = torch.arange(8)[:, None] + 240
    assert script.repeated(images, 3)[:, 0, 14, 14].tolist() == [240, 241, 242, 240, 241, 242, 240, 241]
    drawn = script.draws(images.repeat(5, 1, 1, 1), 4)
    assert [len(part) for part in drawn] == [4] * 5
    center = script.blurred(images[-1:], 1.0)[0, 0, 14, 12:17].tolist()
    # The continuous kernel's ratios are exp(-1/2) and exp(-2).
    assert center == [pytest.approx(247 * weight, abs=1) for weight in (0.0216, 0.0965, 0.1592, 0.0965, 0.0216)]
    gray = torch.full((1, 1, 200, 200), 128, dtype=torch.uint8)
    assert script.noisy(gray, 0.1).double().std().item() == pytest.approx(25.5, rel=0.02)
    assert torch.equal(script.noisy(gray, 0.1), script.noisy(gray, 0.1))
