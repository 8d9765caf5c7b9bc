"""Extractors for digits: a small MNIST classifier that ships with the package, alone and on each of three channels.

Its 64 penultimate features are meaningful for digits only, cost little on a CPU and need no download. The weights,
``digits.safetensors``, are written by ``python -m lightning_gans.metrics.train_digits``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.errors import InputError
from lightning_gans.core.images import on_white
from lightning_gans.metrics.cache import file_hash, weights_file
from lightning_gans.metrics.features import FeatureExtractor

WEIGHTS = Path(__file__).with_name("digits.safetensors")


def _block(channels_in: int, channels_out: int, stride: int, padding: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class DigitClassifier(nn.Module):
    """Five convolutions and two linear layers, about 200,000 parameters.

    Args:
        num_features: length of the penultimate layer.
    """

    def __init__(self, num_features: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _block(1, 32, stride=1),  # 28
            _block(32, 32, stride=2),  # 14
            _block(32, 64, stride=1),  # 14
            _block(64, 64, stride=2),  # 7
            _block(64, 64, stride=1, padding=0),  # 5
            nn.Flatten(),
            nn.Linear(64 * 5 * 5, num_features),
            nn.ReLU(),
        )
        self.head = nn.Linear(num_features, 10)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (N, num_features), at least 0, of images (N, 1, 28, 28) in [-1, 1]."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Class logits (N, 10) of images (N, 1, 28, 28) in [-1, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits


class DigitFeatures(FeatureExtractor):
    """Features of the shipped digit classifier: offline, fast, and meaningful for handwritten digits only.

    Images of another size are resized to 28 x 28 (bilinear, antialiased); color channels are averaged, and images with
    an alpha channel are composited on white.

    Args:
        weights: a safetensors file with the weights of another :class:`DigitClassifier`; the shipped file by default.

    Raises:
        ValueError: if ``weights`` does not exist.
    """

    num_features = 64
    num_classes = 10
    contents = frozenset({"digits"})

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        path = WEIGHTS if weights is None else weights_file(weights, ".safetensors")
        self._hash = file_hash(path)
        # The draws of initialization must not change those of the run.
        with torch.random.fork_rng(devices=[]):
            self.classifier = DigitClassifier(self.num_features)
        self.classifier.load_state_dict(load_file(path))
        self.eval().requires_grad_(False)

    @property
    def description(self) -> str:
        """Name, weights' hash and resize."""
        return f"digits-{self._hash},28px-bilinear-antialias"

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 64) of uint8 images (N, C, H, W)."""
        gray = on_white(images).float().mean(dim=1, keepdim=True) / 127.5 - 1
        if gray.shape[-2:] != (28, 28):
            gray = F.interpolate(gray, size=(28, 28), mode="bilinear", antialias=True, align_corners=False)
        return self.classifier.features(gray)

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Class logits (N, 10) of features (N, 64)."""
        logits: Tensor = self.classifier.head(features)
        return logits


class StackedDigitFeatures(FeatureExtractor):
    """Features and classes of Stacked MNIST's images: three digits as channels, 1000 classes (hundreds first).

    Args:
        weights: as for :class:`DigitFeatures`.

    Raises:
        ValueError: if ``weights`` does not exist.
    """

    num_features = 3 * DigitFeatures.num_features
    num_classes = DigitFeatures.num_classes**3
    contents = frozenset({"stacked digits"})
    channels = (3,)

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.digits = DigitFeatures(weights)

    @property
    def description(self) -> str:
        """Name, weights' hash and resize."""
        return f"stacked-{self.digits.description}"

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 192) of uint8 images (N, 3, H, W): those of the channels, concatenated.

        Raises:
            InputError: if the images do not have three channels.
        """
        if images.shape[1] != 3:
            raise InputError(
                f"the images have {images.shape[1]} channel(s); expected 3 for StackedDigitFeatures, as in "
                "StackedMNISTDataModule"
            )
        features: Tensor = self.digits(images.flatten(0, 1)[:, None])
        return features.view(len(images), -1)

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Class logits (N, 1000) of features (N, 192): the sum of the three digits' log-probabilities."""
        first, second, third = self.digits.logits(features.view(len(features), 3, -1)).log_softmax(dim=2).unbind(dim=1)
        return (first[:, :, None, None] + second[:, None, :, None] + third[:, None, None, :]).flatten(1)
