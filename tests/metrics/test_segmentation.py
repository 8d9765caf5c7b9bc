from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score, recall_score
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.segmentation import SegmentationMetrics, nearest_class

PALETTE = torch.tensor([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 64, 128]], dtype=torch.uint8)


def label_maps(classes: Tensor) -> Tensor:
    """(N, 3, H, W), uint8, of classes (N, H, W)."""
    return PALETTE[classes].movedim(-1, 1)


def segmentation(prediction: Tensor, truth: Tensor) -> dict[str, float]:
    metric = SegmentationMetrics(PALETTE)
    metric.update(label_maps(prediction), label_maps(truth))
    return {key: value.item() for key, value in metric.compute().items()}


def test_nearest_class_is_that_of_all_euclidean_distances() -> None:
    images = torch.randint(0, 256, (3, 3, 9, 7), dtype=torch.uint8)
    pixels = images.movedim(1, -1).reshape(-1, 3).double()
    expected = torch.cdist(pixels, PALETTE.double()).argmin(dim=1).view(3, 9, 7)
    classes = nearest_class(images, PALETTE)
    assert classes.dtype == torch.int64
    assert torch.equal(classes, expected)


def test_of_equally_near_colors_the_first_wins() -> None:
    palette = torch.tensor([[100], [102], [102]], dtype=torch.uint8)
    images = torch.tensor([101, 102, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    assert nearest_class(images, palette).tolist() == [[[0, 1, 1]]]


def test_equal_maps_score_one_even_where_classes_are_absent() -> None:
    classes = torch.randint(0, 3, (2, 8, 8))
    assert segmentation(classes, classes) == {"accuracy": 1, "class_accuracy": 1, "miou": 1}


def test_scores_agree_with_scikit_learn() -> None:
    truth = torch.randint(0, 4, (3, 8, 8))  # class 4 occurs nowhere
    prediction = torch.where(torch.rand(truth.shape) < 0.6, truth, torch.randint(0, 4, truth.shape))
    flat = truth.flatten().numpy(), prediction.flatten().numpy()
    assert segmentation(prediction, truth) == pytest.approx(
        {
            "accuracy": accuracy_score(*flat),
            "class_accuracy": recall_score(*flat, average="macro"),
            "miou": jaccard_score(*flat, average="macro"),
        }
    )


def test_one_class_for_all_has_the_closed_form() -> None:
    truth = torch.tensor([0, 0, 0, 1, 1, 2]).view(1, 2, 3)
    scores = segmentation(torch.zeros_like(truth), truth)
    # Class 0 is all right, the other two all wrong; the union of class 0 is everything.
    assert scores == pytest.approx({"accuracy": 1 / 2, "class_accuracy": 1 / 3, "miou": 1 / 2 / 3})


def test_a_class_that_is_only_predicted_counts_for_miou_alone() -> None:
    truth = torch.zeros(1, 2, 2, dtype=torch.long)
    scores = segmentation(torch.tensor([[[0, 0], [0, 3]]]), truth)
    assert scores == pytest.approx({"accuracy": 3 / 4, "class_accuracy": 3 / 4, "miou": 3 / 4 / 2})


def test_scores_are_of_all_pixels_for_any_partition() -> None:
    truth, prediction = torch.randint(0, 5, (2, 6, 4, 4))
    whole = segmentation(prediction, truth)
    first, second = SegmentationMetrics(PALETTE), SegmentationMetrics(PALETTE)
    for index in range(6):
        part = first if index < 2 else second
        part.update(label_maps(prediction[index, None]), label_maps(truth[index, None]))
    first.merge_state(second)
    assert {key: value.item() for key, value in first.compute().items()} == whole


def test_a_slightly_wrong_color_is_the_same_class() -> None:
    classes = torch.randint(0, 5, (2, 8, 8))
    maps = label_maps(classes)
    near = (maps.int() + torch.randint(-20, 21, maps.shape)).clamp(0, 255).to(torch.uint8)
    metric = SegmentationMetrics(PALETTE)
    metric.update(near, maps)
    assert metric.compute() == {"accuracy": 1, "class_accuracy": 1, "miou": 1}
    assert not metric.state_dict()


def test_what_does_not_fit_is_refused() -> None:
    gray, color = torch.zeros(1, 1, 4, 4, dtype=torch.uint8), torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    with pytest.raises(InputError, match=r"the palette's colors have 3 channel\(s\), but the images 1"):
        SegmentationMetrics(PALETTE).update(gray, gray)
    with pytest.raises(InputError, match=r"their truths \(1, 3, 4, 4\)"):
        SegmentationMetrics(PALETTE).update(gray, color)
    for palette in (PALETTE[0], PALETTE.float(), PALETTE[:0]):
        with pytest.raises(ValueError, match="palette has the shape"):
            SegmentationMetrics(palette)
