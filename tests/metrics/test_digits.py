"""The extractors for digits and the script that trains their classifier."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.datasets import MNIST

from lightning_gans.core.errors import InputError
from lightning_gans.metrics import DigitFeatures, StackedDigitFeatures
from lightning_gans.metrics.digits import WEIGHTS, DigitClassifier
from lightning_gans.metrics.train_digits import shift_randomly


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


def test_the_shipped_classifier_is_small_and_reads_mnist(mnist_root: Path) -> None:
    assert WEIGHTS.stat().st_size <= 1_000_000
    test = MNIST(mnist_root, train=False)
    extractor = DigitFeatures()
    classes = extractor.logits(extractor(test.data[:2000, None])).argmax(dim=1)
    assert (classes == test.targets[:2000]).float().mean() >= 0.985


def test_digit_features_take_any_size_and_color() -> None:
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
    with pytest.raises(ValueError, match=r"weights is .*no\.safetensors, which does not exist"):
        DigitFeatures(tmp_path / "no.safetensors")


def test_shifted_moves_each_image_by_whole_pixels() -> None:
    images = torch.full((50, 1, 28, 28), -1.0)
    images[:, :, 10:18, 10:18] = 1.0
    moved = shift_randomly(images)
    assert moved.shape == images.shape
    assert torch.equal(moved.sum((1, 2, 3)), images.sum((1, 2, 3)))
    assert len(torch.unique(moved, dim=0)) > 10
