"""LPIPS: how far images are from their truths in a network's features (Zhang et al., 2018)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.functional.image.lpips import _NoTrainLpips

from lightning_gans.core.errors import InputError
from lightning_gans.core.pixels import to_float
from lightning_gans.metrics.features import file_hash
from lightning_gans.metrics.fidelity import same_shape, wide_enough
from lightning_gans.metrics.weights import downloaded_weights

# AlexNet's second pooling has nothing to pool below this.
SMALLEST_SIDE = 31


class PerceptualDistance(nn.Module):
    r"""Learned perceptual image patch similarity (Zhang et al., 2018, equation 1) in AlexNet's features, version 0.1.

    :math:`d(x, y) = \sum_l \mathrm{mean}_{hw} \lVert w_l \odot (\hat x^l_{hw} - \hat y^l_{hw}) \rVert^2` over the five
    ReLU layers, :math:`\hat x^l` the features with unit length at each place; 0 for equal images. The network and the
    learned :math:`w_l` are torchmetrics'. Images are not resized.

    Args:
        weights: file of torchvision's AlexNet for ImageNet; downloaded once into PyTorch's hub folder by default
            (244 MB).

    Raises:
        InputError: if the weights can neither be found nor downloaded, or are not AlexNet's.
    """

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        if weights is not None and not Path(weights).is_file():
            raise InputError(f"evaluation.perceptual.weights is {weights}, which does not exist; expected a .pth file")
        path = _alexnet_weights() if weights is None else Path(weights)
        # A random backbone at first: torchmetrics would download one on its own. Its draws must not change a run's.
        with torch.random.fork_rng(devices=[]):
            self.network = _NoTrainLpips(net="alex", pnet_rand=True)
        try:
            _load_backbone(self.network.net, torch.load(path, weights_only=True, map_location="cpu"))
        except Exception as error:  # what a foreign file raises depends on its bytes
            raise InputError(
                f"evaluation.perceptual.weights is {path}, which does not hold AlexNet's weights in torchvision's "
                f"layout ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            ) from error
        self._hash = file_hash(path)
        self.requires_grad_(False)

    @property
    def description(self) -> str:
        """Name, backbone and its weights' hash."""
        return f"lpips-alex-{self._hash}"

    @torch.no_grad()
    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Distances (N,), float32, at least 0, of uint8 images (N, C, H, W) with C = 1 or 3 to their truths.

        Raises:
            InputError: if the shapes differ or a side is shorter than 31 px.
        """
        same_shape(images, truth)
        wide_enough(images, SMALLEST_SIDE, "LPIPS")
        distances: Tensor = self.network(to_float(images).expand(-1, 3, -1, -1), to_float(truth).expand(-1, 3, -1, -1))
        return distances.flatten()


class MeanPerceptualDistance(Metric):
    """``lpips``: mean distance of images to their truths.

    Args:
        distance: the network; it is not part of the metric, which has to be moved to its device on its own.
    """

    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, distance: PerceptualDistance) -> None:
        super().__init__()
        # In a list, not as a child: several sets share one network, and no checkpoint holds it.
        self._distance = [distance]
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, truth: Tensor) -> None:
        """Add images (N, C, H, W) and their truths (N, C, H, W), both uint8.

        Raises:
            InputError: as :meth:`PerceptualDistance.forward`.
        """
        self.total += self._distance[0](images, truth).double().sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The score, a float64 scalar."""
        return {"lpips": self.total / self.count}


def _alexnet_weights() -> Path:
    from torchvision.models import AlexNet_Weights

    return downloaded_weights(AlexNet_Weights.IMAGENET1K_V1.url, owner="AlexNet", key="evaluation.perceptual")


def _load_backbone(backbone: nn.Module, weights: dict[str, Tensor]) -> None:
    """Fill torchmetrics' AlexNet, cut into slices by layer, from torchvision's, whose layer numbers it keeps."""
    own = {key: key.split(".", 1)[1] for key in backbone.state_dict()}
    missing = [f"features.{key}" for key in own.values() if f"features.{key}" not in weights]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    backbone.load_state_dict({key: weights[f"features.{layer}"] for key, layer in own.items()})
