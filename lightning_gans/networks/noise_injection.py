"""Noise that a generator adds to its feature maps, from which it makes the details that z does not determine."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.core.randomness import normal_per_image


class NoiseInjection(nn.Module):
    """Adds a map of standard normal noise, the same for all channels, times a learned weight that starts at 0.

    (Karras et al., 2019, section 3.2.) In training the maps are drawn for each image. They depend on the run's seed and
    the step only, and N processes draw the maps that one process draws for the N times larger batch. In evaluation one
    stored map is used for all images, so that a latent vector always gives the same image, also in an export. It is
    part of the state dict and drawn once, when the layer is made.

    Args:
        height: height of the feature maps in pixels.
        width: width of the feature maps in pixels.

    Attributes:
        fixed: the map of evaluation, (1, 1, height, width).
    """

    fixed: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed", torch.randn(1, 1, height, width))

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, C, height, width)."""
        noise = normal_per_image(len(maps), maps.device, *self.fixed.shape[1:]) if self.training else self.fixed
        # In the type of the maps, also under autocast, where both factors are float32.
        return maps + (self.weight * noise).to(maps.dtype)
