"""The Inception score's limits, and that it is torchmetrics' own."""

from __future__ import annotations

import pytest
import torch

from lightning_gans.metrics.inception_score import InceptionScore


def score(logits: torch.Tensor, pieces: int = 1) -> dict[str, float]:
    metric = InceptionScore(logits.shape[1])
    for piece in logits.chunk(pieces):
        metric.update(piece)
    return {name: value.item() for name, value in metric.compute().items()}


@pytest.mark.parametrize("logit", [20.0, 100.0, 200.0])  # e^-100 is denormal in single precision, e^-200 is 0
def test_sure_and_even_classes_score_their_number_and_one_class_scores_one(logit: float) -> None:
    torch.set_flush_denormal(True)  # as on the command line
    sure = logit * torch.eye(5)
    # A tiny slope makes all first logits differ, as those of a network do.
    slope = torch.linspace(0, 1e-3, 500)[:, None]
    assert score(sure.repeat_interleave(100, dim=0) + slope)["inception_score"] == pytest.approx(5, rel=0.1)
    assert score(sure[:1].repeat(500, 1) + slope)["inception_score"] == pytest.approx(1)


def test_it_does_not_depend_on_batches_or_order_and_leaves_the_generator_alone() -> None:
    logits = torch.randn(100, 7)
    state = torch.get_rng_state()
    assert score(logits) == score(logits.flip(0), pieces=9)
    assert torch.equal(torch.get_rng_state(), state)


def test_of_one_part_it_is_the_formula() -> None:
    logits = torch.randn(40, 7)
    metric = InceptionScore(7)
    metric.splits = 1
    metric.update(logits)
    p = logits.double().softmax(dim=1)
    expected = (p * (p.log() - p.mean(dim=0).log())).sum(dim=1).mean().exp()
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert metric.compute()["inception_score"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_without_images_there_is_none() -> None:
    metric = InceptionScore(7)
    metric.update(torch.empty(0, 7))
    assert metric.compute()["inception_score"].isnan()
