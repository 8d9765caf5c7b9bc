"""A generator that repeats pixels and convolves to double the side (Odena, Dumoulin and Olah, 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks.arguments import check_widths
from lightning_gans.networks.base import Generator
from lightning_gans.networks.layers import UpsampleConv, dcgan_init


class ResizeGenerator(Generator):
    """A linear layer to a map of a quarter of the side, two resize-convolutions, a convolution and tanh.

    A transposed convolution has weights of its own for each of four neighbouring pixels, and shows a checkerboard where
    training does not make them agree; here the four share theirs.

    Args:
        channels: channels of the images.
        size: height and width, a multiple of 4 from 8 up.
        latent_dim: length of z.
        width: channels of the last hidden map; earlier ones have twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        check_widths("model.generator", channels=channels, latent_dim=latent_dim, width=width)
        if size < 8 or size % 4:
            raise InputError(f"model.generator.size is {size}; expected a multiple of 4 from 8 up, to be doubled twice")
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        smallest = size // 4
        self.layers = nn.Sequential(
            # No bias next to batch normalisation.
            nn.Linear(latent_dim, 2 * width * smallest**2, bias=False),
            nn.Unflatten(1, (2 * width, smallest, smallest)),
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
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(latent)
        return images
