"""How near generated images are to their truths, pixel by pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from lightning_gans.core.errors import InputError

# Rounding to 8 bits alone leaves a mean squared error of 1/12 of a squared level: about 58.9 dB.
HIGHEST_PSNR = 10 * math.log10(12 * 255**2)
# SSIM's window of 11 px reaches 5 px past the border, where the image is mirrored: it must have more than that.
SMALLEST_SIDE = 6


def same_shape(images: Tensor, truth: Tensor) -> None:
    """Refuse images that are no pairs with their truths; broadcast, they would give a number all the same.

    Raises:
        InputError: if the shapes differ.
    """
    if images.shape != truth.shape:
        raise InputError(
            f"the images have the shape {tuple(images.shape)}, but their truths {tuple(truth.shape)}; expected the same"
        )


def wide_enough(images: Tensor, side: int, score: str) -> None:
    """Refuse images (N, C, H, W) with a side shorter than the pixels that a score needs.

    Raises:
        InputError: if there is such a side.
    """
    height, width = images.shape[-2:]
    if min(height, width) < side:
        raise InputError(f"the images have {height} x {width} px; expected at least {side} x {side} for {score}")


class Fidelity(Metric):
    r"""Scores of pairs of an image and its truth, each the mean over images.

    - ``l1``: mean absolute difference of pixel values in [0, 1]; 0 for equal images.
    - ``psnr``: peak signal-to-noise ratio in dB, :math:`-10 \log_{10}` of the mean squared error of pixel values in
      [0, 1]. The error counts as no less than that of rounding, :math:`(1/255)^2 / 12`, so equal images have 58.9 dB.
    - ``ssim``: structural similarity (Wang et al., 2004, equation 13) as in torchmetrics; 1 for equal images. The mean
      over pixels and channels with a Gaussian window of 11 px and :math:`\sigma` = 1.5, the image mirrored at its
      border. On a CPU in float32, which errs by 1e-5 in pictures, but by up to 3e-3 in areas of one colour.
    """

    is_differentiable = False
    full_state_update = False
    l1: Tensor
    psnr: Tensor
    ssim: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("l1", "psnr", "ssim"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, truth: Tensor) -> None:
        """Add images (N, C, H, W) and their truths (N, C, H, W), both uint8.

        Raises:
            InputError: if their shapes differ or a side is shorter than 6 px.
        """
        same_shape(images, truth)
        wide_enough(images, SMALLEST_SIDE, "SSIM")
        values, true = images.double() / 255, truth.double() / 255
        self.l1 += (values - true).abs().mean(dim=(1, 2, 3)).sum()
        self.psnr += _psnr(values, true).sum()
        self.ssim += _ssim(values, true).sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars."""
        return {"l1": self.l1 / self.count, "psnr": self.psnr / self.count, "ssim": self.ssim / self.count}


def _psnr(values: Tensor, true: Tensor) -> Tensor:
    """Of each image, (N,), in dB; values (N, C, H, W) in [0, 1], float64."""
    ratios = peak_signal_noise_ratio(values, true, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return ratios.clamp(max=HIGHEST_PSNR)


def _ssim(values: Tensor, true: Tensor) -> Tensor:
    """Of each image, (N,); values (N, C, H, W) in [0, 1], float64."""
    # Float64 takes over 10 times as long as float32 on a CPU. On a GPU it does not matter, and float32 convolutions may
    # run in TF32 there, which is too coarse for SSIM's differences of squares.
    if not values.is_cuda:
        values, true = values.float(), true.float()
    ssim = structural_similarity_index_measure(values, true, reduction="none", data_range=1.0)
    assert isinstance(ssim, Tensor)
    return ssim.double()
