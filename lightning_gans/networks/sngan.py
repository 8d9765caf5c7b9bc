"""The standard CNN of SNGAN (Miyato et al., 2018, table 3), for 28, 32 and 48 pixels.

The paper's are for 32 pixels (CIFAR-10) and 48 (STL-10), three doublings from a map of 4 x 4 or 6 x 6. For 28 pixels
there are two, from 7 x 7: G leaves out its first deconvolution, D its last strided convolution and the 3 x 3 one after
it, so that G starts and D ends with 256 channels in place of 512.

The paper does not say how weights start; here they do as in pfnet-research's chainer-gan-lib, from N(0, .02).

Spectral normalisation is not part of these networks: the SNGAN variant applies it to whatever D it is given.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.networks.arguments import check_size, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.layers import normal_init

FIRST_SIZE = {28: 7, 32: 4, 48: 6}
"""Side of the smallest feature map for each image size, the paper's M_g; each larger map has twice the side."""


def _widths(side: str, size: int, width: int, **counts: int) -> list[int]:
    """Channels of the maps from the largest to the smallest, one for each side in pixels."""
    check_size(side, size, FIRST_SIZE)
    check_widths(side, width=width, **counts)
    doublings = (size // FIRST_SIZE[size]).bit_length() - 1
    return [width * 2**level for level in range(doublings + 1)]


class SNGANGenerator(Generator):
    """A dense layer from z to the smallest map, 4 x 4 deconvolutions that double the side, a 3 x 3 convolution.

    Batch normalisation and ReLU after each deconvolution; as in the table, the dense layer has neither.

    Args:
        channels: channels of the images.
        size: 28, 32 or 48 pixels.
        latent_dim: length of z.
        width: channels of the largest hidden map; each smaller map has twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, latent_dim: int = 128, width: int = 64) -> None:
        super().__init__()
        *later, before = _widths("model.generator", size, width, channels=channels, latent_dim=latent_dim)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        first = FIRST_SIZE[size]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, before * first**2),
            nn.Unflatten(1, (before, first, first)),
        ]
        for after in reversed(later):
            # No bias next to batch normalisation, whose shift makes it idle.
            layers.append(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(normal_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(latent)
        return images


class SNGANDiscriminator(Discriminator):
    """At each side in pixels a 3 x 3 convolution, then a 4 x 4 one that halves the side; last one logit.

    LeakyReLU (slope .1) after each convolution and no normalisation of maps.

    Args:
        channels: channels of the images.
        size: 28, 32 or 48 pixels.
        width: channels of the first hidden map; the maps of each smaller side have twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, width: int = 64) -> None:
        super().__init__()
        widths = _widths("model.discriminator", size, width, channels=channels)
        self.channels, self.size = channels, size
        layers: list[nn.Module] = []
        before = channels
        for level, after in enumerate(widths):
            if level > 0:
                layers += [nn.Conv2d(before, before, 4, stride=2, padding=1), nn.LeakyReLU(0.1, inplace=True)]
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)]
            before = after
        layers += [nn.Flatten(), nn.Linear(before * FIRST_SIZE[size] ** 2, 1)]
        self.layers = nn.Sequential(*layers)
        self.apply(normal_init)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
