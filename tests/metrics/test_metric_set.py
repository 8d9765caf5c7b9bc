"""The set of all scores: cached real statistics, batching and what it needs to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.metrics import DigitFeatures, EfficientNetFeatures, FeatureDistance, MetricSet
from lightning_gans.metrics.cache import RealCache
from lightning_gans.runs.scores import BETTER, PER_CLASS_SCORE


def score_set(**kwargs: Any) -> MetricSet:
    return MetricSet(DigitFeatures(), kid=True, neighbors=2, num_labels=2, **kwargs)


def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8), torch.arange(count) % 2


def test_real_images_from_the_cache_give_the_same_scores(tmp_path: Path) -> None:
    real, fake = images(12), images(9)
    first, second = score_set(), score_set()
    first.update_real(*real)
    RealCache(tmp_path / "cache").write("a", first.real_state())
    state = RealCache(tmp_path / "cache").read("a", second.real_names)
    assert state is not None
    assert set(state) == second.real_names >= {"features", "labels"}
    second.load_real_state(state)
    for scores in (first, second):
        scores.update_fake(*fake)
    assert first.compute() == pytest.approx(second.compute(), rel=1e-12)
    # Of every score it is known whether less or more is better.
    assert {name for name in first.compute() if not PER_CLASS_SCORE.fullmatch(name)} <= set(BETTER)
    assert second.num_real(state) == 12
    assert second.num_real({**state, "labels": state["labels"][1:]}) == 0
    assert [int(count) for count in second.counts()] == [12, 9]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [RealCache(tmp_path / "cache").path("a").name]


def test_only_what_the_scores_need_is_known_of_real_images() -> None:
    scores = MetricSet(DigitFeatures())
    scores.update_real(*images(4))
    assert set(scores.real_state()) == {f"real_features_{name}" for name in ("sum", "cov_sum", "num_samples")}
    assert MetricSet(None).real_state() == {}


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("truth", [False, True])
@pytest.mark.parametrize("extractor", [None, DigitFeatures()])
def test_the_names_of_scores_are_known_before_they_are_measured(
    extractor: DigitFeatures | None, truth: bool, labels: bool
) -> None:
    palette = torch.tensor([[0], [255]], dtype=torch.uint8)
    scores = MetricSet(extractor, palette, kid=truth, neighbors=2 * truth, num_labels=2 * labels)
    shown, classes = images(5)
    scores.update_real(shown, classes)
    scores.update_fake(shown, classes if labels else None)
    if truth:
        scores.update_truth(shown, shown)
        scores.update_cycle(shown, shown)
    assert scores.names(labels=labels, truth=truth, cycles=truth) == list(scores.compute())


def test_scores_do_not_depend_on_the_batching_and_own_no_extractor() -> None:
    extractor = DigitFeatures()
    real = torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8)
    fake = torch.randint(0, 256, (30, 1, 28, 28), dtype=torch.uint8)
    results = []
    for size in (7, 40):
        scores = MetricSet(extractor)
        for batch in real.split(size):  # type: ignore[no-untyped-call]
            scores.update_real(batch)
        for batch in fake.split(size):  # type: ignore[no-untyped-call]
            scores.update_fake(batch)
        results.append(scores.compute())
        assert not scores.state_dict()
    assert results[0] == pytest.approx(results[1], rel=1e-6)
    assert set(results[0]) == {"fid", "relative_fid", "variance_ratio", "class_kl", "modes"}


def test_images_in_channels_last_order_have_the_same_scores() -> None:
    found = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        generator = torch.Generator().manual_seed(0)
        shown, truth = (
            torch.randint(0, 256, (4, 3, 64, 48), dtype=torch.uint8, generator=generator).to(
                memory_format=memory_format
            )
            for _ in range(2)
        )
        palette = torch.tensor([[0, 0, 0], [255, 255, 255]], dtype=torch.uint8)
        scores = MetricSet(EfficientNetFeatures(), palette, perceptual=FeatureDistance(), kid=True, neighbors=2)
        scores.update_real(truth)
        scores.update_fake(shown)
        scores.update_truth(shown, truth)
        scores.update_cycle(shown, truth)
        found.append(scores.compute())
    assert found[1] == pytest.approx(found[0], rel=1e-4)
    assert {"cycle_l1", "l1", "miou", "feature_distance", "fid", "kid", "precision"} <= set(found[0])
