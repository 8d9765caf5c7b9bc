"""The ``inception`` extractor of the original FID (Heusel et al., 2017), through torchmetrics and torch-fidelity."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.metrics.features import FeatureExtractor, file_hash
from lightning_gans.metrics.weights import downloaded_weights


def _inception_weights() -> Path:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return downloaded_weights(URL_INCEPTION_V3, owner="Inception", key="evaluation.extractor")


class InceptionFeatures(FeatureExtractor):
    """The 2048 pooled features of the TensorFlow Inception v3 of 2015: the extractor behind published FID.

    Slow on a CPU: about 4 images a second on two cores. Images are resized to 299 x 299 inside; grey becomes RGB.

    Args:
        weights: file in torch-fidelity's layout; downloaded once into PyTorch's hub folder by default.
        antialias: resize with antialiasing, as torchmetrics does; without it, as TensorFlow did in 2015. The scores
            differ, so the stamp says which.

    Raises:
        InputError: if the weights can neither be found nor downloaded, or are not Inception's.
    """

    num_features = 2048
    objects = 1008

    def __init__(self, weights: Path | None = None, antialias: bool = True) -> None:
        super().__init__()
        from torchmetrics.image.fid import NoTrainInceptionV3

        if weights is not None and not Path(weights).is_file():
            raise InputError(f"evaluation.extractor.weights is {weights}, which does not exist; expected a .pth file")
        path = _inception_weights() if weights is None else Path(weights)
        try:
            # torch-fidelity would unpickle anything; look at the file with the safe loader first.
            torch.load(path, weights_only=True, map_location="cpu")
            # How a run is measured must not change how its networks start.
            with torch.random.fork_rng(devices=[]):
                self.network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path), antialias)
        except Exception as error:  # what a foreign file raises depends on its bytes
            raise InputError(
                f"evaluation.extractor.weights is {path}, which does not hold Inception's weights in torch-fidelity's "
                f"layout ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
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
        features: Tensor = self.network(images.expand(-1, 3, -1, -1))
        return features

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Logits (N, 1008) of features (N, 2048), without the bias, as the Inception score takes them."""
        logits: Tensor = features @ self.network.fc.weight.T
        return logits
