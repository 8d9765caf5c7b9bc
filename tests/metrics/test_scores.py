from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.datasets import MNIST

from lightning_gans.core.errors import InputError
from lightning_gans.core.pixels import to_float, to_uint8
from lightning_gans.metrics import DigitFeatures, InceptionFeatures, Scores, StackedDigitFeatures
from lightning_gans.metrics.classes import Classes
from lightning_gans.metrics.digits import WEIGHTS, DigitClassifier
from lightning_gans.metrics.frechet import FrechetDistance
from lightning_gans.metrics.real_cache import RealCache
from lightning_gans.metrics.train_digits import shifted


def frechet(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    metric = FrechetDistance(real.shape[1])
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return {key: value.item() for key, value in metric.compute().items()}


def test_frechet_distance_of_shifted_and_scaled_features_is_the_closed_form() -> None:
    real = torch.randn(500, 5, dtype=torch.float64)
    # The same cloud moved by 2 in every direction and stretched by 3: |m|^2 + (3 - 1)^2 tr C.
    fake = (real - real.mean(0)) * 3 + real.mean(0) + 2
    spread = torch.cov(real.T).trace().item()
    scores = frechet(real, fake)
    assert scores["fid"] == pytest.approx(5 * 4 + 4 * spread, rel=1e-6)
    assert scores["relative_fid"] == pytest.approx((5 * 4 + 4 * spread) / spread, rel=1e-6)


def test_frechet_distance_agrees_with_scipys_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    real, fake = torch.rand(300, 8).double(), (torch.rand(200, 8) ** 2).double()
    first, second = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    difference = real.mean(0).numpy() - fake.mean(0).numpy()
    expected = difference @ difference + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert frechet(real, fake)["fid"] == pytest.approx(expected, rel=1e-6)


def test_relative_fid_is_zero_for_the_same_images_and_one_for_the_mean_image() -> None:
    real = torch.randn(400, 4)
    assert frechet(real, real)["spread"] == pytest.approx(1)
    assert frechet(real, 2 * real)["spread"] == pytest.approx(4)
    assert frechet(real, real.mean(0).expand(10, 4))["spread"] == pytest.approx(0, abs=1e-9)
    assert frechet(real, real)["relative_fid"] == pytest.approx(0, abs=1e-6)
    assert frechet(real, real.mean(0).expand(10, 4))["relative_fid"] == pytest.approx(1, rel=1e-5)


def score_set(**kwargs: Any) -> Scores:
    return Scores(DigitFeatures(), kid=True, neighbours=2, asked_classes=2, **kwargs)


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
    assert [int(count) for count in second.counts()] == [12, 9]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_bad_cache_file_counts_as_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.safetensors"
    if content is None:
        save_file({"something": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    assert RealCache(tmp_path).read("a", score_set().real_names) is None


def test_only_what_the_scores_need_is_known_of_real_images() -> None:
    scores = Scores(DigitFeatures())
    scores.update_real(*images(4))
    assert set(scores.real_state()) == {f"real_features_{name}" for name in ("sum", "cov_sum", "num_samples")}
    assert Scores(None).real_state() == {}


def test_two_processes_that_write_one_cache_file_leave_a_whole_one(tmp_path: Path) -> None:
    names = {"a", "b"}
    states = [{name: torch.full((200_000,), float(index)) for name in names} for index in range(4)]

    def write(index: int) -> None:
        for _ in range(5):
            RealCache(tmp_path).write("key", states[index])
            read = RealCache(tmp_path).read("key", names)
            assert read is not None
            assert torch.equal(read["a"], read["b"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [path.name for path in tmp_path.iterdir()] == ["key.safetensors"]


def test_class_kl_is_zero_for_equal_shares_and_log_k_for_one_class() -> None:
    even, one = Classes(10), Classes(10)
    even.update(torch.arange(100) % 10)
    one.update(torch.full((100,), 3))
    assert even.compute() == {"class_kl": pytest.approx(0, abs=1e-12), "modes": 10}
    assert one.compute() == {"class_kl": pytest.approx(math.log(10)), "modes": 1}


def test_class_kl_of_two_to_one_is_its_formula() -> None:
    metric = Classes(2)
    metric.update(torch.tensor([0, 0, 1]))
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    assert metric.compute()["class_kl"].item() == pytest.approx(expected)


def test_agreement_is_the_share_of_images_of_the_class_that_was_asked_for() -> None:
    metric = Classes(3)
    metric.update(torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1]))
    metric.update(torch.tensor([2]), torch.tensor([2]))
    assert metric.compute()["agreement"].item() == pytest.approx(3 / 4)
    metric.reset()
    metric.update(torch.tensor([2]))
    assert "agreement" not in metric.compute()


def test_stacked_features_read_each_channel_and_know_a_thousand_classes(mnist_root: Path) -> None:
    digits, stacked = DigitFeatures(), StackedDigitFeatures()
    images = MNIST(mnist_root, train=False).data[:300].view(100, 3, 28, 28)
    features = stacked(images)
    classes = digits.logits(digits(images.flatten(0, 1)[:, None])).argmax(dim=1).view(100, 3)
    assert torch.equal(stacked.logits(features).argmax(dim=1), classes @ torch.tensor([100, 10, 1]))
    assert features.shape == (100, stacked.num_features)
    assert stacked.description.startswith("stacked-digits-")


def test_stacked_features_want_three_channels() -> None:
    with pytest.raises(InputError, match=r"the images have 1 channel\(s\); expected 3"):
        StackedDigitFeatures()(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))


def test_scores_do_not_depend_on_the_batching_and_own_no_extractor() -> None:
    extractor = DigitFeatures()
    real = torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8)
    fake = torch.randint(0, 256, (30, 1, 28, 28), dtype=torch.uint8)
    results = []
    for size in (7, 40):
        scores = Scores(extractor)
        for batch in real.split(size):  # type: ignore[no-untyped-call]
            scores.update_real(batch)
        for batch in fake.split(size):  # type: ignore[no-untyped-call]
            scores.update_fake(batch)
        results.append(scores.compute())
        assert not scores.state_dict()
    assert results[0] == pytest.approx(results[1], rel=1e-6)
    assert set(results[0]) == {"fid", "relative_fid", "spread", "class_kl", "modes"}


def test_pixels_round_trip_exactly_and_round_to_the_nearest_level() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    images = to_float(levels)
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert torch.equal(to_uint8(images), levels)
    kept = images.clone()
    assert torch.equal(to_uint8(images + 0.4 / 127.5), levels)
    assert torch.equal(images, kept)
    assert to_uint8(torch.tensor([-1.5, 1.5])).tolist() == [0, 255]


# The extractors.


def test_the_shipped_classifier_is_small_and_reads_mnist(mnist_root: Path) -> None:
    assert WEIGHTS.stat().st_size <= 1_000_000
    test = MNIST(mnist_root, train=False)
    extractor = DigitFeatures()
    classes = extractor.logits(extractor(test.data[:, None])).argmax(dim=1)
    assert (classes == test.targets).float().mean() >= 0.99


def test_digit_features_take_any_size_and_colour() -> None:
    extractor = DigitFeatures()
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    features = extractor(images)
    assert features.shape == (3, 64)
    assert not features.requires_grad
    torch.testing.assert_close(extractor(images.expand(-1, 3, -1, -1)), features, rtol=1e-4, atol=1e-4)
    assert extractor(torch.zeros(2, 1, 64, 64, dtype=torch.uint8)).shape == (2, 64)


def test_the_description_changes_with_the_weights(tmp_path: Path) -> None:
    save_file(DigitClassifier().state_dict(), tmp_path / "other.safetensors")
    assert DigitFeatures(tmp_path / "other.safetensors").description != DigitFeatures().description


def test_missing_digit_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.safetensors"):
        DigitFeatures(tmp_path / "no.safetensors")


def test_shifted_moves_each_image_by_whole_pixels() -> None:
    images = torch.full((50, 1, 28, 28), -1.0)
    images[:, :, 10:18, 10:18] = 1.0
    moved = shifted(images)
    assert moved.shape == images.shape
    assert torch.equal(moved.sum((1, 2, 3)), images.sum((1, 2, 3)))
    assert len(torch.unique(moved, dim=0)) > 10


def test_inception_offline_says_where_to_put_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch_fidelity.feature_extractor_inceptionv3 as fidelity

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(fidelity, "URL_INCEPTION_V3", "http://127.0.0.1:9/weights-inception-2015-12-05-6726825d.pth")
    with pytest.raises(InputError, match=rf"put it at {tmp_path}/checkpoints/weights-inception"):
        InceptionFeatures()


def test_inception_refuses_a_file_that_is_not_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"text")
    with pytest.raises(InputError, match="does not hold Inception's weights"):
        InceptionFeatures(path)
    with pytest.raises(InputError, match="does not exist"):
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
    scores = Scores(ours)
    scores.update_real(images)
    scores.update_fake(images)
    # Two parts of one image each.
    assert scores.compute()["inception_score"] == pytest.approx(1)
    assert ours(images[:, :1]).shape == (2, 2048)
