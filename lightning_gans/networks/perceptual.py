"""Perceptual losses: distances of images in the features of a network that is not trained (Johnson et al., 2016)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.errors import at_least, short_reason
from lightning_gans.core.files import expand_path, file_hash
from lightning_gans.networks.efficientnet import FrozenLite0, check_features, freeze, lite0_name

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's channels in [0, 1], by which torchvision's networks expect their input."""

VGG19_WIDTHS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,))
"""Channels of the convolutions of VGG-19 up to ``relu5_1``; between two groups the sides are halved."""


class PerceptualLoss(StoresArguments, nn.Module, ABC):
    r"""Base class of distances of translated images from the true ones in the features of a frozen network.

    :math:`\sum_i w_i \, \mathrm{mean} |\phi_i(x) - \phi_i(y)|` over feature maps :math:`\phi_i` of some layers, with
    larger weights for deeper ones, as in the code of pix2pixHD (Wang et al., 2018). The network has no parameters, and
    state dicts contain the hash of its weights only.

    Args:
        weight: factor of this term in the loss of the generator.

    Raises:
        ValueError: if ``weight`` is negative.

    Attributes:
        weight: factor of this term in the loss of the generator.
        judges_in: name of the network with the hash of its weights, as in stamps.
        layer_weights: the weight :math:`w_i` of each feature map.
        min_size: the least height and width of the images in pixels.
    """

    layer_weights: ClassVar[tuple[float, ...]]
    min_size: ClassVar[int] = 1

    def __init__(self, judges_in: str, weight: float) -> None:
        super().__init__()
        at_least("weight", weight, 0)
        self.weight = weight
        self.judges_in = judges_in
        self.register_buffer("features_hash", torch.tensor(int(judges_in.rpartition("-")[2] or "0", 16)))
        self.register_load_state_dict_pre_hook(check_features)  # type: ignore[no-untyped-call]

    def check_images(self, channels: int, size: tuple[int, int]) -> None:
        """Check that the distance is defined for images.

        Args:
            channels: their channels.
            size: (height, width) in pixels.

        Raises:
            ValueError: if it is not.
        """
        name = f"perceptual is {type(self).__name__}"
        if channels not in (1, 3):
            raise ValueError(f"{name}, but the translated images have {channels} channels; expected 1 or 3, or None")
        if min(size) < self.min_size:
            raise ValueError(
                f"{name}, but the images have {size[0]} x {size[1]} pixels; expected at least {self.min_size} x "
                f"{self.min_size}, or None"
            )

    @abstractmethod
    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Return feature maps of images (N, 3, H, W) in [-1, 1], as many as there are weights of layers."""

    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Return the distance without the factor :attr:`weight`, a scalar; its gradient is that by ``images``.

        Args:
            images: (N, C, H, W) in [-1, 1] with C = 1, of which the network is given three copies, or 3.
            truth: the true images, of the same shape.
        """
        found = self.feature_maps(images.expand(-1, 3, -1, -1))
        with torch.no_grad():
            wanted = self.feature_maps(truth.expand(-1, 3, -1, -1))
        distances = [(one.float() - other.float()).abs().mean() for one, other in zip(found, wanted, strict=True)]
        return sum(
            (factor * each for factor, each in zip(self.layer_weights, distances, strict=True)),
            start=torch.zeros((), device=images.device),
        )


class EfficientNetPerceptualLoss(PerceptualLoss):
    """The distance in four feature maps of EfficientNet-Lite0, whose weights are installed with this package.

    Each map has twice the weight of the one before, as in pix2pixHD, and the weights are such that two photos that have
    nothing to do with each other are about 1 apart: .98 is the mean of 24 pairs of photos of flowers, and 1.04 of 24
    pairs of facades, at 128 pixels.

    Scores in the features of the same network are biased in favor of what was trained with this loss: judge with
    another extractor.

    Args:
        weight: factor of this term in the loss of the generator; 10 is that of pix2pixHD's perceptual loss.

    Raises:
        ValueError: if ``weight`` is negative.
    """

    layer_weights = (1 / 64, 1 / 32, 1 / 16, 1 / 8)

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__(lite0_name(), weight)
        self.network = FrozenLite0()

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Return four feature maps, the largest first, of images (N, 3, H, W) in [-1, 1]."""
        maps: list[Tensor] = self.network(images)
        return maps


class VGGPerceptualLoss(PerceptualLoss):
    """The distance in five feature maps of VGG-19, pix2pixHD's perceptual loss.

    The maps are ``relu1_1``, ``relu2_1``, ``relu3_1``, ``relu4_1`` and ``relu5_1``, with the weights 1/32, 1/16, 1/8,
    1/4 and 1 of the authors' code. Unlike there, the network is given images as it was trained with: with ImageNet's
    mean subtracted, and divided by its standard deviation.

    Args:
        file: weights of torchvision's ``vgg19``, ``.pth`` or ``.safetensors``; those of the last layers may be missing.
            They are not downloaded.
        weight: factor of this term in the loss of the generator.

    Raises:
        ValueError: if ``weight`` is negative, or the file does not exist or holds other weights.
    """

    layer_weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    min_size = 16
    mean: Tensor
    std: Tensor

    def __init__(self, file: Path, weight: float = 10.0) -> None:
        path = expand_path(file, "file")
        built = not torch.empty(0).is_meta
        if built and not path.is_file():
            raise ValueError(f"file is {path}, which does not exist; expected torchvision's weights of vgg19")
        super().__init__(f"vgg19-{file_hash(path)}" if built else "vgg19-0", weight)
        self.parts = nn.ModuleList()
        if built:
            self.parts.extend(vgg19_parts())
            load_vgg19(self.parts, path)
        freeze(self.parts, persistent=False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Return five feature maps, the largest first, of images (N, 3, H, W) in [-1, 1]."""
        maps = [((images + 1) / 2 - self.mean) / self.std]
        for part in self.parts:
            maps.append(part(maps[-1]))
        return maps[1:]


def vgg19_parts() -> list[nn.Sequential]:
    """Return the layers of VGG-19 up to ``relu5_1`` with random weights, in parts that end with each ``relu*_1``.

    The names of the layers in each part are their places in torchvision's ``features``.
    """
    parts, part, place, before = [], nn.Sequential(), 0, 3
    with torch.random.fork_rng(devices=[]):  # the draws of initialization must not change those of the run
        for group, widths in enumerate(VGG19_WIDTHS):
            if group:
                part.add_module(str(place), nn.MaxPool2d(2))
                place += 1
            for number, width in enumerate(widths):
                part.add_module(str(place), nn.Conv2d(before, width, 3, padding=1))
                part.add_module(str(place + 1), nn.ReLU())
                place, before = place + 2, width
                if number == 0:
                    parts.append(part)
                    part = nn.Sequential()
    return parts


def load_vgg19(parts: nn.ModuleList, path: Path) -> None:
    """Load a file's weights into the parts of VGG-19.

    Raises:
        ValueError: if the file cannot be read as weights, or they are another network's.
    """
    try:
        found: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu")
        if not isinstance(found, Mapping):
            raise TypeError(f"it holds a {type(found).__name__}")
        for part in parts:
            part.load_state_dict({name: found[f"features.{name}"] for name in part.state_dict()})
    except Exception as error:  # any exception is possible, depending on the file's bytes
        reason = short_reason(error)
        raise ValueError(f"file is {path}; expected torchvision's weights of vgg19 ({reason})") from error
