"""Small translators with random weights, and pictures for them, for tests of translating in tiles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.networks import ResNetTranslator, Translator, UNet

SIZE = 32
TILE = 48


def resnet(channels_in: int = 3, channels_out: int = 3, **kwargs: Any) -> ResNetTranslator:
    """A small one, whose outputs are spread over all gray levels."""
    torch.manual_seed(1)
    network = ResNetTranslator(channels_in, channels_out, SIZE, **{"blocks": 2, "width": 4, **kwargs})
    for weights in network.parameters():
        if weights.ndim == 4:
            nn.init.normal_(weights, std=0.15)
    return network.requires_grad_(False).eval()


def unet(**kwargs: Any) -> UNet:
    torch.manual_seed(1)
    network = UNet(3, 3, 64, width=4, **kwargs)
    for weights in network.parameters():
        if weights.ndim == 4:
            nn.init.normal_(weights, std=0.15)
    return network.requires_grad_(False).eval()


def scene(height: int, width: int, channels: int = 3) -> Tensor:
    """A picture (channels, height, width) uint8 whose parts are unlike: flat, noisy, dark and bright."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.linspace(0, 255, width).expand(channels, height, width).clone()
    picture[:, : height // 3, : width // 2] = 250
    picture[:, height // 2 :, width // 2 :] = 255 * torch.rand(
        channels, height - height // 2, width - width // 2, generator=generator
    )
    return picture.to(torch.uint8)


def whole(network: Translator, picture: Tensor) -> Tensor:
    """What the network makes of the picture in one piece, its sides reflected up to multiples of 4."""
    height, width = picture.shape[1:]
    padded = nn.functional.pad(to_float(picture)[None], (0, -width % 4, 0, -height % 4), mode="reflect")
    with torch.inference_mode():
        return to_uint8(network(padded)[0, :, :height, :width])
