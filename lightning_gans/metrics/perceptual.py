"""Distances of images to their ground truths in a network's features (Zhang et al., 2018)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_gans.core.drawing import MOST_CHANNELS
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.metrics.cache import download_weights, file_hash, weights_file
from lightning_gans.metrics.compat import lpips_network
from lightning_gans.metrics.image_distance import NaturalMaps, feature_distances, unit_features
from lightning_gans.metrics.paired_images import check_min_size, check_same_shape
from lightning_gans.networks.efficientnet import lite0_name

# The smallest height and width with which the maps before AlexNet's second pooling cover its window.
MIN_SIZE = 31


class TruthDistance(nn.Module, ABC):
    """Base class of distances of images to their ground truths.

    Attributes:
        score: name of the score that is their mean.
    """

    score: str

    @property
    @abstractmethod
    def description(self) -> str:
        """What the distance is measured with, for the stamp of the score."""

    @abstractmethod
    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Return distances (N,), float32, at least 0, of uint8 images (N, C, H, W) to their ground truths.

        Raises:
            InputError: if the shapes differ, or the images cannot be compared.
        """


class PerceptualDistance(TruthDistance):
    r"""Learned perceptual image patch similarity (Zhang et al., 2018, equation 1) in AlexNet's features, version 0.1.

    :math:`d(x, y) = \sum_l \mathrm{mean}_{hw} \lVert w_l \odot (\hat x^l_{hw} - \hat y^l_{hw}) \rVert^2` over the five
    ReLU layers, :math:`\hat x^l` the features scaled to unit length at each position; 0 for equal images. The
    network and the learned :math:`w_l` are torchmetrics'. Images are not resized.

    Args:
        weights: file of torchvision's AlexNet for ImageNet; downloaded once into PyTorch's hub folder by default
            (244 MB).

    Raises:
        ValueError: if the weights can neither be found nor downloaded, or are not AlexNet's.
    """

    score = "lpips"

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        path = _alexnet_weights() if weights is None else weights_file(weights, ".pth")
        try:
            self.network = lpips_network(torch.load(path, weights_only=True, map_location="cpu"))
        except Exception as error:  # any exception is possible, depending on the file's bytes
            raise ValueError(
                f"weights is {path}; expected a file with AlexNet's weights in torchvision's layout "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            ) from error
        self._hash = file_hash(path)
        self.requires_grad_(False)

    @property
    def description(self) -> str:
        """Name, backbone and its weights' hash."""
        return f"lpips-alex-{self._hash}"

    @torch.no_grad()
    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Distances (N,), float32, at least 0, of uint8 images (N, C, H, W) with C = 1 or 3 to their ground truths.

        Raises:
            InputError: if the shapes differ, or height or width is less than 31 px.
        """
        check_same_shape(images, truth)
        check_min_size(images, MIN_SIZE, "LPIPS")
        distances: Tensor = self.network(to_float(images).expand(-1, 3, -1, -1), to_float(truth).expand(-1, 3, -1, -1))
        return distances.flatten()


class FeatureDistance(TruthDistance):
    r"""The distance of LPIPS without its learned weights, in feature maps of EfficientNet-Lite0; needs no download.

    :math:`d(x, y) = \frac14 \sum_l \mathrm{mean}_{hw} \lVert \hat x^l_{hw} - \hat y^l_{hw} \rVert^2` (Zhang et al.,
    2018, equation 1 with :math:`w_l = 1`) over four maps, :math:`\hat x^l` the features scaled to unit length at each
    position; from 0, for equal images, to 4. The shorter side of images is resized to at least 64 and at most 128
    pixels, grayscale is expanded to RGB, and images with an alpha channel are composited on white. Its values cannot be
    compared with those of LPIPS.
    """

    score = "feature_distance"

    def __init__(self) -> None:
        super().__init__()
        self.maps = NaturalMaps()

    @property
    def description(self) -> str:
        """Name, network and its weights' hash."""
        return f"feature-distance-{lite0_name()}"

    @torch.no_grad()
    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Distances (N,), float32, from 0 to 4, of uint8 images (N, C, H, W) with 1 to 4 channels to their truths.

        Raises:
            InputError: if the shapes differ, or the images have more channels.
        """
        check_same_shape(images, truth)
        if images.shape[1] > MOST_CHANNELS:
            raise InputError(
                f"the images have {images.shape[1]} channels; expected 1 to {MOST_CHANNELS} for FeatureDistance"
            )
        found, wanted = (unit_features(self.maps(to_float(each))) for each in (images, truth))
        return feature_distances(found, wanted)


class MeanPerceptualDistance(Metric):
    """The mean distance of images to their ground truths, under the distance's name of the score.

    Args:
        distance: the network. It is not a submodule of the metric: move it to its device separately.
    """

    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, distance: TruthDistance) -> None:
        super().__init__()
        self.names = (distance.score,)
        # In a list, so that it is no submodule: several metrics share one network, and checkpoints do not contain it.
        self._distance = [distance]
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, truth: Tensor) -> None:
        """Add images and their ground truths, both (N, C, H, W) and uint8.

        Raises:
            InputError: as for :meth:`TruthDistance.forward`.
        """
        self.total += self._distance[0](images, truth).double().sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The score, a float64 scalar."""
        return {self.names[0]: self.total / self.count}


def _alexnet_weights() -> Path:
    from torchvision.models import AlexNet_Weights

    return download_weights(AlexNet_Weights.IMAGENET1K_V1.url, "AlexNet")
