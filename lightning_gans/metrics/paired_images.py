"""Pixel-wise comparison of generated images with their ground truths."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from lightning_gans.core.errors import InputError

# Rounding to 8 bits alone has a mean squared error of 1/12 of a squared level: about 58.9 dB.
MAX_PSNR = 10 * math.log10(12 * 255**2)
# SSIM's window of 11 px reaches 5 px beyond the border, where the image is reflected, which requires 6 px.
MIN_SIZE = 6


def check_same_shape(images: Tensor, truth: Tensor) -> None:
    """Check that images and ground truths have the same shape; broadcasting would hide a difference.

    Raises:
        InputError: if the shapes differ.
    """
    if images.shape != truth.shape:
        raise InputError(
            f"the images have the shape {tuple(images.shape)}, but their truths {tuple(truth.shape)}; expected equal "
            "shapes"
        )


def check_min_size(images: Tensor, min_size: int, score: str) -> None:
    """Check that images (N, C, H, W) are large enough for a score.

    Raises:
        InputError: if height or width is less than ``min_size``.
    """
    height, width = images.shape[-2:]
    if min(height, width) < min_size:
        raise InputError(
            f"the images have {height} x {width} px; expected at least {min_size} x {min_size} for {score}"
        )


class PairedImageMetrics(Metric):
    r"""Scores of pairs of an image and its ground truth, each the mean over images.

    - ``l1``: mean absolute difference of pixel values in [0, 1]; 0 for equal images.
    - ``psnr``: peak signal-to-noise ratio in dB, :math:`-10 \log_{10}` of the mean squared error of pixel values in
      [0, 1]. The error counts as no less than that of rounding, :math:`(1/255)^2 / 12`, so equal images have 58.9 dB.
    - ``ssim``: structural similarity (Wang et al., 2004, equation 13) as in torchmetrics; 1 for equal images. The mean
      over pixels and channels with a Gaussian window of 11 px and :math:`\sigma` = 1.5, the image reflected at its
      border. Computed in float32 on a CPU, with an error of 1e-5 in photographs and up to 3e-3 in areas of one color.

    PSNR and SSIM are torchmetrics' functions. Its classes are not used: that of PSNR returns infinity for the mean if
    one image equals its truth, and both keep a list of scores that processes without an image cannot gather.
    """

    names = ("l1", "psnr", "ssim")
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
        """Add images and their ground truths, both (N, C, H, W) and uint8.

        Raises:
            InputError: if their shapes differ, or height or width is less than 6 px.
        """
        check_same_shape(images, truth)
        check_min_size(images, MIN_SIZE, "SSIM")
        values, true = images.double() / 255, truth.double() / 255
        self.l1 += (values - true).abs().mean(dim=(1, 2, 3)).sum()
        self.psnr += _psnr(values, true).sum()
        self.ssim += _ssim(values, true).sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The scores, float64 scalars."""
        return {"l1": self.l1 / self.count, "psnr": self.psnr / self.count, "ssim": self.ssim / self.count}


def _psnr(values: Tensor, true: Tensor) -> Tensor:
    """PSNR of each image (N,) in dB; values (N, C, H, W) in [0, 1], float64."""
    ratios = peak_signal_noise_ratio(values, true, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return ratios.clamp(max=MAX_PSNR)


def _ssim(values: Tensor, true: Tensor) -> Tensor:
    """SSIM of each image (N,), float64; values (N, C, H, W) in [0, 1], float64."""
    # On a CPU float64 takes more than 10 times as long as float32. On a GPU it does not matter, and float32
    # convolutions may run in TF32 there, which is too coarse for SSIM's differences of squares.
    if not values.is_cuda:
        values, true = values.float(), true.float()
    ssim = structural_similarity_index_measure(values, true, reduction="none", data_range=1.0)
    assert isinstance(ssim, Tensor)
    return ssim.double()
