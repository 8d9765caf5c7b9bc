r"""A distance between images that can be differentiated: of pixels, and of a fixed network's feature maps.

In pixels alone a sharp edge that is off by one position costs more than a blurred one. So the distance of feature maps
is added, as Zhang et al. (2018, equation 1) measure it, without their learned weights: at each position of each map the
features have unit length, and the squared differences are averaged over positions and maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import has_alpha
from lightning_gans.metrics.digits import DigitFeatures
from lightning_gans.networks.efficientnet import FrozenLite0
from lightning_gans.networks.efficientnet import freeze as freeze_weights

FEATURE_WEIGHT = 0.2
"""Weight of the distance of feature maps; that of the mean squared difference of pixels in [-1, 1] is 1."""

MULTIPLE, LEAST_SIDE, MOST_SIDE = 32, 64, 128
"""Images for the network of natural images are resized to sides that are multiples of 32, the shorter one from 64 to
128 pixels."""

FeatureChoice = Literal["natural", "digits", "pixels"]
"""The features that images are compared in beside their pixels: of a network of photos, of one of digits, or none."""


class FeatureMaps(nn.Module, ABC):
    """The feature maps of a network with fixed weights."""

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """Return feature maps (N, C', H', W') of images (N, C, H, W) in [-1, 1]; they can be differentiated."""


class NaturalMaps(FeatureMaps):
    """Those of EfficientNet-Lite0, which was trained on photos; see :class:`.FrozenLite0`."""

    def __init__(self) -> None:
        super().__init__()
        self.network = FrozenLite0()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return four maps of images (N, C, H, W) with 1 to 4 channels."""
        colors = blend_on_white(images).expand(-1, 3, -1, -1)
        shorter = min(colors.shape[2:])
        scale = min(max(shorter, LEAST_SIDE), MOST_SIDE) / shorter
        sides = [max(1, round(scale * side / MULTIPLE)) * MULTIPLE for side in colors.shape[2:]]
        resized = F.interpolate(colors, size=sides, mode="bilinear", antialias=True, align_corners=False)
        maps: list[Tensor] = self.network(resized)
        return maps


class DigitMaps(FeatureMaps):
    """Those of the shipped classifier of digits, of each channel or of the mean of all.

    Args:
        stacked: whether each channel is a digit.
    """

    def __init__(self, stacked: bool = False) -> None:
        super().__init__()
        self.stacked = stacked
        self.blocks = nn.ModuleList(list(DigitFeatures().classifier.body.children())[:5])
        freeze_weights(self.blocks, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps of each digit."""
        gray = images.flatten(0, 1)[:, None] if self.stacked else blend_on_white(images).mean(dim=1, keepdim=True)
        maps = [F.interpolate(gray, size=(28, 28), mode="bilinear", antialias=True, align_corners=False)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        if not self.stacked:
            return maps[1:]
        return [each.view(len(images), -1, *each.shape[2:]) for each in maps[1:]]


DistanceToTarget = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) in [-1, 1] to their distances (N,) from one target, at least 0."""


def pixel_distances(images: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared differences (N,) of images (N, C, H, W) and ``target`` (1, C, H, W)."""
    return (images - target).square().mean(dim=(1, 2, 3))


class ImageDistance(nn.Module):
    """The distance of images to a target.

    Args:
        maps: in whose feature maps images are compared beside their pixels; None for pixels alone.
        weight: of the distance of feature maps.
    """

    def __init__(self, maps: FeatureMaps | None = None, weight: float = FEATURE_WEIGHT) -> None:
        super().__init__()
        self.maps, self.weight = maps, weight
        self.eval()

    @torch.no_grad()
    def to_target(self, target: Tensor) -> DistanceToTarget:
        """Return the function of images that is their distance to ``target`` (1, C, H, W) in [-1, 1]."""
        maps = self.maps
        if maps is None:
            return lambda images: pixel_distances(images, target)
        wanted = unit_features(maps(target))

        def measure(images: Tensor) -> Tensor:
            return pixel_distances(images, target) + self.weight * feature_distances(
                unit_features(maps(images)), wanted
            )

        return measure

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        """Return distances (N,), at least 0, of images (N, C, H, W) to ``target`` (1, C, H, W), all in [-1, 1]."""
        return self.to_target(target)(images)


def feature_distances(maps: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Return the distances (N,), from 0 to 4, of two lists of :func:`unit_features`, the mean over the maps."""
    pairs = zip(maps, wanted, strict=True)
    return torch.stack([(found - other).square().sum(dim=1).mean(dim=(1, 2)) for found, other in pairs]).mean(dim=0)


def unit_features(maps: list[Tensor]) -> list[Tensor]:
    """Return maps, each (N, C, H, W), whose features at each position have unit length."""
    return [F.normalize(each, eps=1e-6) for each in maps]


def choose_features(contents: str, channels: int, size: tuple[int, int]) -> FeatureChoice:
    """The features that suit images.

    Args:
        contents: what images show, as data modules call it (:attr:`.Data.contents`).
        channels: channels of the images.
        size: (height, width) of the images in pixels.

    Returns:
        "pixels" for more than 4 channels, points, and pictures with a side of less than 16 pixels; "digits" for digits;
        else "natural".
    """
    if channels > 4 or contents == "points":
        return "pixels"
    if contents in ("digits", "stacked digits"):
        return "digits"
    return "natural" if min(size) >= 16 else "pixels"


def image_distance(choice: FeatureChoice, channels: int, stacked: bool = False) -> ImageDistance:
    """Build the distance.

    Args:
        choice: the features.
        channels: channels of the images.
        stacked: whether each channel of the images is a digit.

    Raises:
        ValueError: if the images have too many channels for these features.
    """
    if choice != "pixels" and channels > 4:
        raise ValueError(f"features is {choice!r}, but the images have {channels} channels; expected 'pixels'")
    maps: dict[str, type[FeatureMaps]] = {"natural": NaturalMaps}
    if choice == "digits":
        return ImageDistance(DigitMaps(stacked))
    return ImageDistance(maps[choice]() if choice in maps else None)


def blend_on_white(images: Tensor) -> Tensor:
    """Composite images in [-1, 1] with an alpha channel on white; images without one are returned as they are.

    Args:
        images: (N, C, H, W), whose last channel is alpha if C is 2 or 4.

    Returns:
        (N, C - 1, H, W) if C is 2 or 4; else ``images``.
    """
    if not has_alpha(images.shape[1]):
        return images
    opacity = (images[:, -1:] + 1) / 2
    return torch.lerp(torch.ones_like(opacity), images[:, :-1], opacity)
