"""The networks of LSGAN (Mao et al., 2017, figure 5a), for images of 28, 56 and 112 pixels.

The paper's are for 112 pixels. For the smaller sizes G leaves out its first doublings and D its last halvings, so the
smallest feature map has 7 x 7 pixels for every size.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.layers import dcgan_init
from lightning_gans.networks.sizes import side_of

SMALLEST_SIDE = 7
"""Side of the smallest feature map."""

SIDES = (28, 56, 112)
"""Sides of the images."""


def halvings_of(size: Size) -> int:
    """Return how often the image's side is halved down to the smallest map.

    Raises:
        ValueError: if the size is not supported.
    """
    return (side_of(size, SIDES) // SMALLEST_SIDE).bit_length() - 1


def decoder_block(before: int, after: int, stride: int) -> list[nn.Module]:
    """Return a transposed 3 x 3 convolution that multiplies the side by ``stride``, batch normalization and ReLU."""
    # No bias in front of batch normalization, which would subtract it.
    up = nn.ConvTranspose2d(before, after, 3, stride, padding=1, output_padding=stride - 1, bias=False)
    return [up, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


class LSGANGenerator(Generator):
    """A 7 x 7 map from z, then transposed 3 x 3 convolutions, each but the last with batch normalization and ReLU.

    The first doublings (two for 112 pixels, one for 56, none for 28) are each followed by a convolution with stride 1.

    Args:
        channels: channels of the images.
        size: height and width of the images in pixels: 28, 56 or 112.
        latent_dim: length of a latent vector.
        width: channels of the last hidden feature map; the one before has twice as many, all earlier ones four times.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: Size, latent_dim: int = 1024, width: int = 64) -> None:
        super().__init__(channels, size, latent_dim)
        check_positive(width=width)
        widest = 4 * width
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widest * SMALLEST_SIDE**2, bias=False),
            nn.Unflatten(1, (widest, SMALLEST_SIDE, SMALLEST_SIDE)),
            nn.BatchNorm2d(widest),
            nn.ReLU(inplace=True),
        ]
        for _ in range(halvings_of(size) - 2):
            layers += decoder_block(widest, widest, stride=2) + decoder_block(widest, widest, stride=1)
        layers += decoder_block(widest, 2 * width, stride=2) + decoder_block(2 * width, width, stride=2)
        layers += [nn.ConvTranspose2d(width, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.layers[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1] for ``latent`` (N, latent_dim); ignores labels."""
        images: Tensor = self.layers(latent)
        return images


class LSGANDiscriminator(FeatureDiscriminator):
    """Strided 5 x 5 convolutions down to a 7 x 7 map, then a linear layer to one logit.

    LeakyReLU (slope .2) follows each convolution, batch normalization each but the first.

    Args:
        channels: channels of the images.
        size: height and width of the images in pixels: 28, 56 or 112.
        width: channels of the first hidden feature map; each later map has twice as many as the one before.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("layers",)

    def __init__(self, channels: int, size: Size, width: int = 64) -> None:
        super().__init__(channels, size)
        check_positive(width=width)
        layers: list[nn.Module] = []
        before = channels
        for level in range(halvings_of(size)):
            after = width * 2**level
            normalized = level > 0
            layers.append(nn.Conv2d(before, after, 5, stride=2, padding=2, bias=not normalized))
            if normalized:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            before = after
        layers += [nn.Flatten(), nn.Linear(before * SMALLEST_SIDE**2, 1)]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)
