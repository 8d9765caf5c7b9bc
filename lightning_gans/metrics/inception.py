"""The Inception network of published FID (Heusel et al., 2017), from torch-fidelity, and the Inception score."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore as TorchInceptionScore
from torchmetrics.utilities import dim_zero_cat

from lightning_gans.core.images import on_white
from lightning_gans.metrics.cache import download_weights, file_hash, weights_file
from lightning_gans.metrics.features import FeatureExtractor


def _inception_weights() -> Path:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return download_weights(URL_INCEPTION_V3, "Inception")


class InceptionFeatures(FeatureExtractor):
    """The 2048 pooled features of TensorFlow's Inception v3 of 2015, the extractor of published FID.

    Slow on a CPU: about 4 images per second on two cores. Images are resized to 299 x 299; grayscale is expanded to
    RGB.

    Args:
        weights: file in torch-fidelity's layout; downloaded once into PyTorch's hub folder by default.
        antialias: resize with antialiasing, as torchmetrics does; without it, as TensorFlow did in 2015. The scores
            differ, and the stamp contains the choice.

    Raises:
        ValueError: if the weights can neither be found nor downloaded, or are not Inception's.
    """

    num_features = 2048
    objects = 1008
    contents = frozenset({"pictures", "digits", "stacked digits"})
    channels = (1, 2, 3, 4)

    def __init__(self, weights: Path | None = None, antialias: bool = True) -> None:
        super().__init__()
        from torchmetrics.image.fid import NoTrainInceptionV3

        path = _inception_weights() if weights is None else weights_file(weights, ".pth")
        try:
            # torch-fidelity unpickles arbitrary objects: the safe loader checks the file first.
            torch.load(path, weights_only=True, map_location="cpu")
            # The draws of initialization must not change those of the run.
            with torch.random.fork_rng(devices=[]):
                self.network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path), antialias)
        except Exception as error:  # any exception is possible, depending on the file's bytes
            raise ValueError(
                f"weights is {path}; expected a file with Inception's weights in torch-fidelity's layout "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            ) from error
        self._hash = file_hash(path)
        self._resize = "bilinear-antialias" if antialias else "bilinear-tensorflow"
        self.requires_grad_(False)

    @property
    def description(self) -> str:
        """Name, weights' hash and resize."""
        return f"inception-{self._hash},299px-{self._resize}"

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 2048) of uint8 images (N, C, H, W)."""
        features: Tensor = self.network(on_white(images).expand(-1, 3, -1, -1))
        return features

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Logits (N, 1008) of features (N, 2048), without the bias, as in the definition of the Inception score."""
        logits: Tensor = features @ self.network.fc.weight.T
        return logits


class InceptionScore(TorchInceptionScore):
    r"""``inception_score``, :math:`\exp E_x KL(p(y|x) \| p(y))`, and its standard deviation over ten splits.

    (Salimans et al., 2016, section 4.) From 1 to the number of classes: high if the classifier is certain about each
    image and all classes occur. It does not use real images and is meaningful for the classes of ImageNet only. The
    formula is torchmetrics'; here the splits do not depend on the order of the images.

    :meth:`compute` returns ``inception_score`` and ``inception_score_std``.

    Args:
        num_classes: length of the logits.
    """

    names = ("inception_score", "inception_score_std")

    def __init__(self, num_classes: int) -> None:
        with warnings.catch_warnings():
            # It warns that it keeps the logits in memory.
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(feature=nn.Identity())
        self.num_classes = num_classes
        # torchmetrics' state cannot be gathered from processes with different numbers of batches.
        self.add_state("features", [], dist_reduce_fx="cat")

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the logits of all processes; a process without images contributes none."""
        if not self.features:
            self.features.append(torch.empty(0, self.num_classes, device=self.device))
        super().sync(*args, **kwargs)

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]  # names instead of a tuple
        """Both scores; NaN without images."""
        # In float64: in float32 small probabilities become 0, and a class with 0 for all images makes the score NaN.
        logits = dim_zero_cat(self.features).double()
        self.features = [logits[logits[:, 0].argsort()]]
        # torchmetrics shuffles with the global generator, whose state must not change.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            mean, deviation = super().compute()
        return {"inception_score": mean.double(), "inception_score_std": deviation.double()}
