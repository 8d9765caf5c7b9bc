"""Extractors for natural images: networks trained on photos, whose features are divided by their length.

Raw features are not to be trusted: images that say nothing, such as noise or a single color, have short feature vectors
near the mean of all, and score better than recognizable ones. Directions do not have this fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.errors import at_least
from lightning_gans.core.images import on_white
from lightning_gans.metrics.cache import download_weights, file_hash, weights_file
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.networks.efficientnet import efficientnet_lite0, lite0_name

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's channels in [0, 1], by which torchvision's networks expect their input."""

CHUNK = 32
"""Images of a forward pass on a CPU, whose caches hold the feature maps of so few."""

MIN_SIZE = 32
"""The least number of pixels that these networks reduce to one position."""


class NaturalFeatures(FeatureExtractor):
    """The pooled features of a network trained on photos, of unit length.

    Images of any size are resized to a square (bicubic, antialiased), and clamped to their range; grayscale is expanded
    to RGB, and images with an alpha channel are composited on white.

    Args:
        network: maps images (N, 3, size, size) to pooled features (N, D).
        name: of the network, with the hash of its weights.
        size: height and width in pixels of the images that the network is given.
        mean: mean of the channels in [0, 1] that the network expects to be subtracted.
        std: standard deviation by which it expects the channels to be divided.

    Raises:
        ValueError: if ``size`` is less than 32.
    """

    kernel_scale = 1.0
    contents = frozenset({"pictures", "digits", "stacked digits"})
    channels = (1, 2, 3, 4)
    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, name: str, size: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        at_least("size", size, MIN_SIZE)
        # Twice as fast on a CPU.
        self.network = network.to(memory_format=torch.channels_last)
        self._name, self.size = name, size
        self.register_buffer("mean", 255 * torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std)[:, None, None], persistent=False)
        self.eval().requires_grad_(False)
        self.num_features = self(torch.zeros(1, 3, size, size, dtype=torch.uint8)).shape[1]

    @property
    def description(self) -> str:
        """Name, weights' hash, resize and length of the features."""
        return f"{self._name},{self.size}px-bicubic-antialias,unit-length"

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D) of length 1 of uint8 images (N, C, H, W)."""
        size = CHUNK if images.device.type == "cpu" else max(1, len(images))
        return torch.cat([self._features(part) for part in torch.split(images, size)])

    def _features(self, images: Tensor) -> Tensor:
        resized = F.interpolate(on_white(images).float(), size=(self.size, self.size), mode="bicubic", antialias=True)
        prepared = (resized.clamp(0, 255).expand(-1, 3, -1, -1) - self.mean) / self.std
        return F.normalize(self.network(prepared.contiguous(memory_format=torch.channels_last)).float())


class EfficientNetFeatures(NaturalFeatures):
    """The 1280 pooled features of EfficientNet-Lite0, trained on ImageNet; its weights are installed with this package.

    (Tan and Le, 2019.) ``benchmarks/extractors.py`` measures the speed of all extractors. Published FIDs are in other
    features: compare these scores with each other only.

    Args:
        size: height and width in pixels to which images are resized.

    Raises:
        ValueError: if ``size`` is less than 32.
    """

    def __init__(self, size: int = 128) -> None:
        scale = 128 / 255
        super().__init__(efficientnet_lite0(), lite0_name(), size, (127 / 255,) * 3, (scale,) * 3)


class TorchvisionFeatures(NaturalFeatures):
    """The features before the last linear layer of a classifier of torchvision, such as ``resnet50``.

    Args:
        network: name of the classifier in ``torchvision.models``.
        weights: file of weights in torchvision's layout, ``.pth`` or ``.safetensors``, such as DINO's for ResNet-50
            (Caron et al., 2021); those of the last layer may be missing. By default torchvision's own weights,
            downloaded once into PyTorch's hub folder.
        size: height and width in pixels to which images are resized; vision transformers work with one size only.

    Raises:
        ValueError: if there is no such classifier, or its weights can neither be found nor downloaded, or are another
            network's.
    """

    def __init__(self, network: str, weights: Path | None = None, size: int = 224) -> None:
        from torchvision import models

        names = models.list_models(module=models)
        if network not in names:
            raise ValueError(f"network is {network!r}; expected one of torchvision's classifiers: {', '.join(names)}")
        if weights is None:
            path = download_weights(models.get_model_weights(network).DEFAULT.url, network)
        else:
            path = weights_file(weights, ".pth or .safetensors")
        # Inception and GoogLeNet say that their initialization will be slow; it is not needed.
        settings = {"init_weights": False} if network in ("googlenet", "inception_v3") else {}
        with torch.random.fork_rng(devices=[]):
            model = models.get_model(network, weights=None, **settings)
        linear = [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
        if not linear:
            raise ValueError(f"network is {network!r}, which has no linear layer; expected another classifier")
        head = linear[-1]
        model.set_submodule(head, nn.Identity())
        load_weights(model, path, head)
        super().__init__(model, f"{network}-{file_hash(path)}", size, IMAGENET_MEAN, IMAGENET_STD)


class TimmFeatures(NaturalFeatures):
    """The pooled features of a network of timm, such as ``vit_base_patch32_clip_224``.

    Images are resized to the size of the network's training, and have its mean and standard deviation subtracted.

    Args:
        network: name of the network in timm.
        weights: file of weights in timm's layout, ``.safetensors`` or ``.pth``; those of a classifier may be missing.

    Raises:
        ValueError: if there is no such network, or the file does not exist or contains another network's weights.
    """

    def __init__(self, network: str, weights: Path) -> None:
        import timm

        if not timm.is_model(network):
            close = timm.list_models(f"*{network}*")[:5]
            hint = f" (timm has {', '.join(close)})" if close else ""
            raise ValueError(f"network is {network!r}; expected a name of a network in timm{hint}")
        path = weights_file(weights, ".safetensors or .pth")
        with torch.random.fork_rng(devices=[]):
            model: Any = timm.create_model(network, pretrained=False, num_classes=0)
        config: dict[str, Any] = model.pretrained_cfg
        heads = config.get("classifier") or ()
        load_weights(model, path, *([heads] if isinstance(heads, str) else heads))
        super().__init__(model, f"{network}-{file_hash(path)}", config["input_size"][-1], config["mean"], config["std"])


def load_weights(network: nn.Module, path: Path, *heads: str) -> None:
    """Load a file's weights into a network whose last layers were removed.

    Args:
        network: the network.
        path: a ``.safetensors`` file, or one that ``torch.save`` has written.
        heads: names of the removed layers, whose weights the file may contain.

    Raises:
        ValueError: if the file cannot be read as weights, or they are another network's.
    """
    try:
        found: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, weights_only=True, map_location="cpu")
        )
        if isinstance(found, Mapping):
            found = {
                name: value for name, value in found.items() if not name.startswith(tuple(f"{head}." for head in heads))
            }
        network.load_state_dict(found)
    except Exception as error:  # any exception is possible, depending on the file's bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"weights is {path}; expected a file with the weights of this network ({reason[:200]})"
        ) from error
