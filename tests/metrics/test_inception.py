"""The Inception extractor against torch-fidelity, and the Inception score against its formula."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_gans.metrics.inception import InceptionFeatures, InceptionScore
from lightning_gans.metrics.metric_set import MetricSet


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


def test_inception_offline_says_where_to_put_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch_fidelity.feature_extractor_inceptionv3 as fidelity

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(fidelity, "URL_INCEPTION_V3", "http://127.0.0.1:9/weights-inception-2015-12-05-6726825d.pth")
    with pytest.raises(ValueError, match=rf"weights is not given, .* at {tmp_path}/checkpoints/weights-inception"):
        InceptionFeatures()


def test_inception_refuses_a_file_that_is_not_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match="expected a file with Inception's weights"):
        InceptionFeatures(path)
    with pytest.raises(ValueError, match="does not exist"):
        InceptionFeatures(tmp_path / "none.pth")


@pytest.mark.slow
def test_inception_features_are_those_of_torch_fidelity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity import feature_extractor_inceptionv3 as fidelity

    # Random weights in the official layout: with loading left out, the constructor keeps its initial ones.
    with monkeypatch.context() as patch:
        patch.setattr(fidelity, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
        oracle = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    torch.save(oracle.state_dict(), tmp_path / "weights.pth")
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    ours = InceptionFeatures(tmp_path / "weights.pth", antialias=False)
    features, logits = oracle(images)
    torch.testing.assert_close(ours(images), features, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.logits(ours(images)), logits, rtol=1e-4, atol=1e-4)
    scores = MetricSet(ours)
    scores.update_real(images)
    scores.update_fake(images)
    # Two parts of one image each.
    assert scores.compute()["inception_score"] == pytest.approx(1)
    assert ours(images[:, :1]).shape == (2, 2048)
