"""Feature extractors: networks in whose features two sets of images are compared.

An extractor is chosen by class path, e.g. ``--evaluation.extractor InceptionFeatures``. Its
:attr:`FeatureExtractor.description` contains everything that can change a score: its name, the hash of its weights and
how it resizes. Extractors belong to callbacks, never to a model, so that checkpoints do not contain them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from lightning_gans.core.data import Contents, MixtureData
from lightning_gans.core.errors import InputError, at_least


class FeatureExtractor(nn.Module, ABC):
    """Maps images to feature vectors for the metrics.

    Attributes:
        num_features: length D of a feature vector; torchmetrics reads it under this name.
        num_classes: number of classes in :meth:`logits`; 0 if the extractor is not a classifier.
        objects: number of ImageNet classes in :meth:`logits`, for the Inception score; 0 otherwise.
        kernel_scale: factor of x · y in the kernel of KID; None for the 1 / D of its paper, where features are as long
            as they are. Features of unit length have 1, so that the kernel depends on their angle.
        contents: what images must show for the features to mean something, as data modules call it
            (:attr:`.Data.contents`); None for anything.
        channels: the numbers of channels that images may have; None for any.
        rejects: whether :meth:`classes` may put an image in no class.
    """

    num_features: int
    num_classes: int = 0
    objects: int = 0
    kernel_scale: float | None = None
    contents: frozenset[Contents] | None = None
    channels: tuple[int, ...] | None = None
    rejects: bool = False

    @property
    @abstractmethod
    def description(self) -> str:
        """Name, weights' hash and resize, in one line without spaces around ``|`` or ``,``."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D), float32, of uint8 images (N, C, H, W), where C is one of :attr:`channels`."""

    def logits(self, features: Tensor) -> Tensor:
        """Class logits (N, num_classes), or (N, objects), of features (N, D)."""
        raise NotImplementedError(f"{type(self).__name__} is not a classifier")

    def classes(self, features: Tensor) -> Tensor:
        """The classes (N,), int64, of features (N, D), if :attr:`num_classes` is not 0; -1 for none."""
        return self.logits(features).argmax(dim=1)


FeatureFunction = Callable[[Tensor], Tensor]
"""Maps uint8 images (N, C, H, W) to features (N, D)."""


def extract_features(function: FeatureFunction, images: Tensor, batch_size: int) -> Tensor:
    """Features (N, D) on the CPU of uint8 images (N, C, H, W)."""
    return torch.cat([function(batch).cpu() for batch in torch.split(images, batch_size)])


class PixelFeatures(FeatureExtractor):
    """Pixel values in [-1, 1] as features: suitable for points in the plane, poor for pictures.

    Args:
        num_features: C * H * W of the images.

    Raises:
        ValueError: if ``num_features`` is less than 1.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        at_least("num_features", num_features, 1)
        self.num_features = num_features

    @property
    def description(self) -> str:
        """Name and number of pixels."""
        return f"pixels-{self.num_features}"

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, C * H * W) of uint8 images (N, C, H, W).

        Raises:
            InputError: if the images do not have ``num_features`` values.
        """
        flat = images.flatten(1).float() / 127.5 - 1
        if flat.shape[1] != self.num_features:
            raise InputError(
                f"num_features of PixelFeatures is {self.num_features}, but an image has {flat.shape[1]} values; "
                "expected the same number"
            )
        return flat


class ModeFeatures(PixelFeatures):
    """Coordinates of points as features, and the mode of a mixture to which each point belongs as its class.

    Args:
        data: the mixture.
    """

    rejects = True

    def __init__(self, data: MixtureData) -> None:
        super().__init__(math.prod([data.channels, *data.size]))
        self.num_classes = data.num_classes
        self._modes = data.modes
        self._shape = (data.channels, *data.size)

    @property
    def description(self) -> str:
        """Name and number of pixels and of modes."""
        return f"{super().description},modes-{self.num_classes}"

    def classes(self, features: Tensor) -> Tensor:
        """The modes (N,), int64, of features (N, D); -1 for points between the modes."""
        return self._modes(features.view(-1, *self._shape))


class FeatureSetMetric(Metric, ABC):
    """Keeps the features of real and of generated images in memory until :meth:`compute`.

    Several such metrics that are updated with the same tensors share their memory.

    Args:
        num_features: length D of a feature vector.
    """

    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, real: bool) -> None:
        """Add finite features (N, D) of real or of generated images; they are kept in float32."""
        (self.real if real else self.fake).append(features.float())

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the features of all processes; a process without images contributes none."""
        for features in (self.real, self.fake):
            if not features:
                features.append(torch.empty(0, self.num_features, device=self.device))
        super().sync(*args, **kwargs)

    def gathered(self, real: bool) -> Tensor:
        """All features (N, D), float32, of real or of generated images; of all processes inside ``sync_context``."""
        features = self.real if real else self.fake
        # Empty tensors have D columns too, so that they can be concatenated.
        return dim_zero_cat(features) if len(features) else torch.empty(0, self.num_features, device=self.device)
