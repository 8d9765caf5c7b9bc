"""The standard CNN of SNGAN (Miyato et al., 2018, table 3), for images of 28, 32 and 48 pixels.

The paper's are for 32 pixels (CIFAR-10) and 48 pixels (STL-10), with three doublings from a map of 4 x 4 or 6 x 6. For
28 pixels there are two doublings, from 7 x 7: G leaves out its first deconvolution, and D its last strided convolution
with the 3 x 3 convolution after it, so G starts and D ends with 256 channels in place of 512.

The paper does not give the initialization; here it is N(0, 0.02^2), as in pfnet-research/chainer-gan-lib.

Spectral normalization is not part of these networks: the SNGAN variant applies it to any discriminator.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.layers import normal_init
from lightning_gans.networks.sizes import side_of

SMALLEST_SIDE = {28: 7, 32: 4, 48: 6}
"""Side of the smallest feature map for each side of the images, M_g in the paper."""


def map_widths(side: int, width: int) -> list[int]:
    """Return the channels of the feature maps, from the largest map to the smallest; each has half the side."""
    doublings = (side // SMALLEST_SIDE[side]).bit_length() - 1
    return [width * 2**level for level in range(doublings + 1)]


class SNGANGenerator(Generator):
    """A linear layer from z to the smallest map, 4 x 4 deconvolutions that double the side, a 3 x 3 convolution, tanh.

    Batch normalization and ReLU follow each deconvolution; as in the table, the linear layer has neither.

    Args:
        channels: channels of the images.
        size: height and width of the images in pixels: 28, 32 or 48.
        latent_dim: length of a latent vector.
        width: channels of the largest hidden feature map; each smaller map has twice as many.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: Size, latent_dim: int = 128, width: int = 64) -> None:
        super().__init__(channels, size, latent_dim)
        check_positive(width=width)
        side = side_of(size, SMALLEST_SIDE)
        smallest = SMALLEST_SIDE[side]
        *later, before = map_widths(side, width)
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, before * smallest**2),
            nn.Unflatten(1, (before, smallest, smallest)),
        ]
        for after in reversed(later):
            # No bias in front of batch normalization, which would subtract it.
            layers.append(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(normal_init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.layers[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1] for ``latent`` (N, latent_dim); ignores labels."""
        images: Tensor = self.layers(latent)
        return images


class SNGANDiscriminator(FeatureDiscriminator):
    """A 3 x 3 convolution for each side of the maps, with 4 x 4 ones that halve the side in between; then one logit.

    LeakyReLU (slope .1) follows each convolution; there is no normalization.

    Args:
        channels: channels of the images.
        size: height and width of the images in pixels: 28, 32 or 48.
        width: channels of the first hidden feature map; the maps of each smaller side have twice as many.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("layers",)

    def __init__(self, channels: int, size: Size, width: int = 64) -> None:
        super().__init__(channels, size)
        check_positive(width=width)
        side = side_of(size, SMALLEST_SIDE)
        layers: list[nn.Module] = []
        before = channels
        for level, after in enumerate(map_widths(side, width)):
            if level > 0:
                layers += [nn.Conv2d(before, before, 4, stride=2, padding=1), nn.LeakyReLU(0.1, inplace=True)]
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)]
            before = after
        layers += [nn.Flatten(), nn.Linear(before * SMALLEST_SIDE[side] ** 2, 1)]
        self.layers = nn.Sequential(*layers)
        self.apply(normal_init)
