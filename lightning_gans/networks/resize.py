"""A generator of resize-convolutions, which upsample and then convolve (Odena, Dumoulin and Olah, 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive
from lightning_gans.networks.layers import UpsampleConv, dcgan_init
from lightning_gans.networks.sizes import sides_divisible_by


class ResizeGenerator(Generator):
    """A linear layer to a map of a quarter of the side, two resize-convolutions, a convolution and tanh.

    A transposed convolution with stride 2 computes neighboring pixels with different weights, and shows a checkerboard
    unless training makes these agree; a resize-convolution computes them with the same weights.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, multiples of 4, at least 8; or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the last hidden feature map; earlier ones have twice as many.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: Size, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__(channels, size, latent_dim)
        check_positive(width=width)
        rows, columns = (side // 4 for side in sides_divisible_by(4, size, least=8))
        self.layers = nn.Sequential(
            # No bias in front of batch normalization, which would subtract it.
            nn.Linear(latent_dim, 2 * width * rows * columns, bias=False),
            nn.Unflatten(1, (2 * width, rows, columns)),
            nn.BatchNorm2d(2 * width),
            UpsampleConv(2 * width, 2 * width, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            UpsampleConv(2 * width, width, bias=False),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )
        self.apply(dcgan_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1] for ``latent`` (N, latent_dim); ignores labels."""
        images: Tensor = self.layers(latent)
        return images
