"""The linear classifier on features, on features whose classes are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lightning_gans.core.randomness import derive_generator
from lightning_gans.metrics.linear_head import INVERSE_PENALTY, LinearHead


def blobs(count: int, classes: int, distance: float, seed: str = "blobs") -> tuple[Tensor, Tensor]:
    """Features (count, 6) of normal noise around a corner for each class, and their labels."""
    labels = torch.arange(count) % classes
    noise = torch.randn(count, 6, generator=derive_generator("cpu", seed))
    return noise + distance * torch.nn.functional.one_hot(labels, 6), labels


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_that_a_plane_separates_are_told_apart(classes: int) -> None:
    head = LinearHead.fit(*blobs(300, classes, 30), classes)
    assert head.weight.shape == (classes, 6)
    assert head.weight.dtype == head.bias.dtype == torch.float64
    features, labels = blobs(300, classes, 30, "others")
    assert torch.equal(head.classify(features), labels)
    assert head.accuracy(features, labels) == 1
    assert head.accuracy(features, labels.roll(1)) == 0


def test_two_classes_of_equal_variance_are_told_apart_as_well_as_they_can_be() -> None:
    """Of N(0, 1) and N(2, 1) the best rule, the middle, is right with probability Phi(1)."""
    labels = torch.arange(40_000) % 2
    features = torch.randn(40_000, 1, generator=derive_generator("cpu", "phi")) + 2 * labels[:, None]
    head = LinearHead.fit(features, labels, 2)
    best = (1 + math.erf(1 / math.sqrt(2))) / 2
    assert head.accuracy(features, labels) == pytest.approx(best, abs=0.005)
    boundary = (head.bias[0] - head.bias[1]) / (head.weight[1] - head.weight[0])
    assert boundary.item() == pytest.approx(1, abs=0.03)


def test_labels_that_say_nothing_leave_chance() -> None:
    features, labels = blobs(4000, 4, 0)
    others, other_labels = blobs(4000, 4, 0, "others")
    head = LinearHead.fit(features, labels, 4)
    assert head.accuracy(others, other_labels) == pytest.approx(1 / 4, abs=4 * math.sqrt(3 / 16 / 4000))


def test_a_common_scale_a_shift_and_a_rotation_change_no_class() -> None:
    features, labels = blobs(300, 3, 2)
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=derive_generator("cpu", "rotation"))).Q
    scale, shift = 50.0, torch.tensor([0.0, 1, -3, 40, 5, 0])
    plain, other = (LinearHead.fit(each, labels, 3) for each in (features, scale * features @ rotation + shift))
    torch.testing.assert_close(scale * other.weight @ rotation.T.double(), plain.weight, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(other.bias + other.weight @ shift.double(), plain.bias, rtol=1e-3, atol=1e-3)


def test_the_weights_are_at_the_minimum_of_the_penalized_likelihood() -> None:
    """At the minimum of C * sum of cross entropies + |w|^2 / 2, the gradient is 0."""
    features, labels = blobs(300, 3, 1)
    head = LinearHead.fit(features, labels, 3)
    centered = features.double() - features.double().mean(dim=0)
    scale = centered.square().sum(dim=1).mean().sqrt()
    weight, bias = (head.weight * scale).requires_grad_(), (head.bias + head.weight @ features.double().mean(dim=0))
    logits = centered / scale @ weight.T + bias.detach()
    loss = INVERSE_PENALTY * torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    loss += weight.square().sum() / 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.abs().max() < 1e-2


def test_a_class_without_training_images_is_assigned_to_no_image() -> None:
    features, labels = blobs(300, 2, 30)
    head = LinearHead.fit(features, 2 * labels, 4)
    assert head.weight.shape == (4, 6)
    assert set(head.classify(features).tolist()) == {0, 2}
    assert head.accuracy(features, 2 * labels) == 1


def test_fits_are_equal_to_the_bit() -> None:
    one, two = (LinearHead.fit(*blobs(300, 3, 1), 3) for _ in range(2))
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)


def test_features_that_are_all_equal_say_nothing() -> None:
    features, labels = torch.ones(30, 2), torch.arange(30) % 3
    assert LinearHead.fit(features, labels, 3).accuracy(features, labels) == pytest.approx(1 / 3)


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels are all \[1\]; expected at least two classes"):
        LinearHead.fit(torch.randn(3, 2), torch.ones(3, dtype=torch.long), 2)
