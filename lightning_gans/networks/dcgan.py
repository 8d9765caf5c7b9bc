"""The networks of DCGAN (Radford, Metz and Chintala, 2016), for 28, 32 and 64 pixels.

The five guidelines of its section 3: strided convolutions in place of pooling; batch normalisation in both networks,
but not in G's output nor D's input; no fully connected hidden layers; ReLU in G with tanh out; LeakyReLU in D.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_gans.networks.arguments import check_size, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.layers import dcgan_init

FIRST_SIZE = {28: 7, 32: 4, 64: 4}
"""Side of the smallest feature map for each image size; every layer after it doubles the side."""


def hidden_widths(side: str, channels: int, size: int, width: int) -> list[int]:
    """Channels of the hidden feature maps, from the largest map to the smallest."""
    check_size(side, size, FIRST_SIZE)
    check_widths(side, channels=channels, width=width)
    doublings = (size // FIRST_SIZE[size]).bit_length() - 1
    return [width * 2**level for level in range(doublings)]


def decoder_layers(inputs: int, channels: int, size: int, widths: Sequence[int]) -> nn.Sequential:
    """Layers from a map (N, inputs, 1, 1) to images (N, channels, size, size), widths from the largest map's."""
    layers: list[nn.Module] = []
    before = inputs
    for level, after in enumerate(reversed(widths)):
        kernel, stride, padding = (FIRST_SIZE[size], 1, 0) if level == 0 else (4, 2, 1)
        # No bias next to batch normalisation, whose shift makes it idle.
        layers.append(nn.ConvTranspose2d(before, after, kernel, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        before = after
    return nn.Sequential(*layers, nn.ConvTranspose2d(before, channels, 4, 2, 1), nn.Tanh())


def encoder_layers(channels: int, size: int, widths: Sequence[int], outputs: int, batch_norm: bool) -> nn.Sequential:
    """Layers from images (N, channels, size, size) to a map (N, outputs, 1, 1), widths from the largest map's."""
    layers: list[nn.Module] = []
    before = channels
    for level, after in enumerate(widths):
        normalised = batch_norm and level > 0
        layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not normalised))
        if normalised:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, outputs, FIRST_SIZE[size]))


class DCGANGenerator(Generator):
    """Transposed convolutions from a 1 x 1 map of z to the image, each but the first doubling the side.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        latent_dim: length of z.
        width: channels of the last hidden map; each earlier map has twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        widths = hidden_widths("model.generator", channels, size, width)
        check_widths("model.generator", latent_dim=latent_dim)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        self.layers = decoder_layers(latent_dim, channels, size, widths)
        self.apply(dcgan_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(latent[:, :, None, None])
        return images


class DCGANDiscriminator(Discriminator):
    """Strided convolutions from the image to one logit, each but the last halving the side.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        width: channels of the first hidden map; each later map has twice as many.
        batch_norm: the paper's batch normalisation; without it logits of one image do not depend on the others.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, width: int = 64, batch_norm: bool = True) -> None:
        super().__init__()
        widths = hidden_widths("model.discriminator", channels, size, width)
        self.channels, self.size = channels, size
        self.layers = encoder_layers(channels, size, widths, 1, batch_norm)
        self.apply(dcgan_init)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
