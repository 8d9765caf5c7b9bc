"""The networks of LSGAN (Mao et al., 2017, figure 5a), for 28, 56 and 112 pixels.

The paper's are for 112 pixels. For the smaller sizes G leaves out its first doublings and D its last halvings, so that
the smallest map has 7 x 7 pixels at every size.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.networks.arguments import check_size, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.layers import dcgan_init

FIRST_SIZE = 7
"""Side of the smallest feature map."""

SIZES = (28, 56, 112)


def _halvings(side: str, size: int, **counts: int) -> int:
    """How often the image is halved on its way to the smallest map; refuses arguments out of range."""
    check_size(side, size, SIZES)
    check_widths(side, **counts)
    return (size // FIRST_SIZE).bit_length() - 1


def _up(before: int, after: int, stride: int) -> list[nn.Module]:
    """A transposed convolution that multiplies the side by ``stride``, normalised."""
    # No bias next to batch normalisation, whose shift makes it idle.
    up = nn.ConvTranspose2d(before, after, 3, stride, padding=1, output_padding=stride - 1, bias=False)
    return [up, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


class LSGANGenerator(Generator):
    """A 7 x 7 map from z, then transposed 3 x 3 convolutions, batch normalisation and ReLU in each layer but the last.

    The first doublings (two for 112 pixels, one for 56, none for 28) are each followed by a convolution that keeps the
    side.

    Args:
        channels: channels of the images.
        size: 28, 56 or 112 pixels.
        latent_dim: length of z.
        width: channels of the last hidden map; the one before has twice as many, all earlier ones four times.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, latent_dim: int = 1024, width: int = 64) -> None:
        super().__init__()
        halvings = _halvings("model.generator", size, channels=channels, latent_dim=latent_dim, width=width)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        widest = 4 * width
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widest * FIRST_SIZE**2, bias=False),
            nn.Unflatten(1, (widest, FIRST_SIZE, FIRST_SIZE)),
            nn.BatchNorm2d(widest),
            nn.ReLU(inplace=True),
        ]
        for _ in range(halvings - 2):
            layers += _up(widest, widest, stride=2) + _up(widest, widest, stride=1)
        layers += _up(widest, 2 * width, stride=2) + _up(2 * width, width, stride=2)
        layers += [nn.ConvTranspose2d(width, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(latent)
        return images


class LSGANDiscriminator(Discriminator):
    """Strided 5 x 5 convolutions down to a 7 x 7 map, then one logit, a linear output.

    LeakyReLU (slope .2) in each layer, batch normalisation in each but the first.

    Args:
        channels: channels of the images.
        size: 28, 56 or 112 pixels.
        width: channels of the first hidden map; each later map has twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, width: int = 64) -> None:
        super().__init__()
        halvings = _halvings("model.discriminator", size, channels=channels, width=width)
        self.channels, self.size = channels, size
        layers: list[nn.Module] = []
        before = channels
        for level in range(halvings):
            after = width * 2**level
            normalised = level > 0
            layers.append(nn.Conv2d(before, after, 5, stride=2, padding=2, bias=not normalised))
            if normalised:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            before = after
        layers += [nn.Flatten(), nn.Linear(before * FIRST_SIZE**2, 1)]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
