"""Pixel accuracy and intersection over union of generated label maps."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_confusion_matrix

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.paired_images import check_same_shape


def nearest_class(images: Tensor, palette: Tensor) -> Tensor:
    """Class of each pixel: that of the nearest palette color by Euclidean distance, the first one of equally near ones.

    Args:
        images: (N, C, H, W), uint8.
        palette: (K, C), uint8, one color per class.

    Returns:
        Classes (N, H, W), int64, in [0, K).

    Raises:
        InputError: if images and palette have different numbers of channels.
    """
    if images.shape[1] != palette.shape[1]:
        raise InputError(
            f"the palette's colors have {palette.shape[1]} channel(s), but the images {images.shape[1]}; "
            "expected equal numbers"
        )
    # Class by class, as all distances at once would take K times the memory. Integers avoid rounding.
    pixels = images.int()
    classes = images.new_zeros(images[:, 0].shape, dtype=torch.long)
    smallest = torch.full_like(classes, torch.iinfo(torch.long).max)
    for index, color in enumerate(palette.int()):
        distance = (pixels - color[:, None, None]).square().sum(dim=1)
        classes.masked_fill_(distance < smallest, index)
        smallest = torch.minimum(smallest, distance)
    return classes


class SegmentationMetrics(Metric):
    r"""Scores of generated label maps; each pixel has the class of the nearest palette color.

    The FCN scores of Isola et al. (2017, section 4.1), as defined by Long et al. (2015, section 5), without the FCN:
    the generated images are label maps themselves. With :math:`n_{ij}` pixels of class i that are generated as class j:

    - ``accuracy``: share of pixels with the correct class, :math:`\sum_i n_{ii} / \sum_{ij} n_{ij}`.
    - ``class_accuracy``: :math:`n_{ii} / \sum_j n_{ij}`, mean over the classes that occur in the truth.
    - ``miou``: intersection over union, :math:`n_{ii} / (\sum_j n_{ij} + \sum_j n_{ji} - n_{ii})`, mean over the
      classes that occur in the truth or in the generated maps. Isola et al.'s script also counts the others, as 0.

    The counts are over the pixels of all images, not per image.

    Args:
        palette: (K, C), uint8, one color per class. If two classes have the same color, its pixels are of the first.

    Raises:
        ValueError: if ``palette`` is not of this shape and type.
    """

    names = ("accuracy", "class_accuracy", "miou")
    is_differentiable = False
    full_state_update = False
    palette: Tensor
    confusion: Tensor

    def __init__(self, palette: Tensor) -> None:
        super().__init__()
        if palette.ndim != 2 or palette.dtype != torch.uint8 or not len(palette):
            raise ValueError(
                f"palette has the shape {tuple(palette.shape)} and the type {palette.dtype}; "
                "expected one row of torch.uint8 per class"
            )
        self.register_buffer("palette", palette, persistent=False)
        self.add_state("confusion", torch.zeros(len(palette), len(palette), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, truth: Tensor) -> None:
        """Add generated and true label maps, both (N, C, H, W), uint8 and in the palette's colors.

        Raises:
            InputError: if their shapes differ, or their number of channels is not the palette's.
        """
        check_same_shape(images, truth)
        self.confusion += multiclass_confusion_matrix(
            nearest_class(images, self.palette),
            nearest_class(truth, self.palette),
            num_classes=len(self.palette),
            validate_args=False,
        )

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars in [0, 1]."""
        counts = self.confusion.double()
        correct, true = counts.diagonal(), counts.sum(dim=1)
        union = true + counts.sum(dim=0) - correct
        return {
            "accuracy": correct.sum() / counts.sum(),
            "class_accuracy": (correct / true)[true > 0].mean(),
            "miou": (correct / union)[union > 0].mean(),
        }
