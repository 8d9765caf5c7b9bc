"""What share of the pixels of a generated label map are of the right class."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_confusion_matrix

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.fidelity import same_shape


def nearest_class(images: Tensor, palette: Tensor) -> Tensor:
    """The class of each pixel: that of the nearest palette colour by Euclidean distance, the first of equally near.

    Args:
        images: (N, C, H, W), uint8.
        palette: (K, C), uint8: one colour a class.

    Returns:
        Classes (N, H, W), int64, in [0, K).

    Raises:
        InputError: if images and palette differ in their number of channels.
    """
    if images.shape[1] != palette.shape[1]:
        raise InputError(
            f"the palette's colours have {palette.shape[1]} channel(s), but the images {images.shape[1]}; "
            "expected the same"
        )
    # Class by class: all distances at once would take K times the memory. Integers, so that no rounding decides.
    pixels = images.int()
    classes = images.new_zeros(images[:, 0].shape, dtype=torch.long)
    least = torch.full_like(classes, torch.iinfo(torch.long).max)
    for index, colour in enumerate(palette.int()):
        distance = (pixels - colour[:, None, None]).square().sum(dim=1)
        classes.masked_fill_(distance < least, index)
        least = torch.minimum(least, distance)
    return classes


class Segmentation(Metric):
    r"""Scores of generated label maps against the true ones, each pixel of the class with the nearest colour.

    The FCN scores of Isola et al. (2017, section 4.1), as defined by Long et al. (2015, section 5), without the FCN:
    the generated images are label maps themselves. With :math:`n_{ij}` pixels of class i that were given class j:

    - ``accuracy``: share of pixels with the right class, :math:`\sum_i n_{ii} / \sum_{ij} n_{ij}`.
    - ``class_accuracy``: :math:`n_{ii} / \sum_j n_{ij}`, mean over the classes that occur in the truth.
    - ``miou``: intersection over union, :math:`n_{ii} / (\sum_j n_{ij} + \sum_j n_{ji} - n_{ii})`, mean over the
      classes that occur in the truth or in the prediction. Isola et al.'s script also counts the others, as 0.

    The sums are over all pixels of all images, not image by image.

    Args:
        palette: one colour a class, (K, C), uint8. Where two classes share a colour, all its pixels are of the first.

    Raises:
        InputError: if the palette is not a table of uint8 colours.
    """

    is_differentiable = False
    full_state_update = False
    palette: Tensor
    confusion: Tensor

    def __init__(self, palette: Tensor) -> None:
        super().__init__()
        if palette.ndim != 2 or palette.dtype != torch.uint8 or not len(palette):
            raise InputError(
                f"the palette has the shape {tuple(palette.shape)} and the type {palette.dtype}; "
                "expected one row of torch.uint8 a class"
            )
        self.register_buffer("palette", palette, persistent=False)
        self.add_state("confusion", torch.zeros(len(palette), len(palette), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, truth: Tensor) -> None:
        """Add generated label maps (N, C, H, W) and the true ones (N, C, H, W), both uint8 in the palette's colours.

        Raises:
            InputError: if their shapes differ or they have another number of channels than the palette.
        """
        same_shape(images, truth)
        self.confusion += multiclass_confusion_matrix(
            nearest_class(images, self.palette),
            nearest_class(truth, self.palette),
            num_classes=len(self.palette),
            validate_args=False,
        )

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars in [0, 1]."""
        counts = self.confusion.double()
        right, true = counts.diagonal(), counts.sum(dim=1)
        union = true + counts.sum(dim=0) - right
        return {
            "accuracy": right.sum() / counts.sum(),
            "class_accuracy": (right / true)[true > 0].mean(),
            "miou": (right / union)[union > 0].mean(),
        }
