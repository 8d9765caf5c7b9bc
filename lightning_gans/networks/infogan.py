"""InfoGAN's networks for small images (Chen et al., 2016, appendix C.1): convolutions around wide dense layers.

Lucic et al. (2018) compare all objectives on them. The dense layers see the whole image at once, where DCGAN's networks
have convolutions only.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks.arguments import check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.layers import he_init, normal_init


def initialise(network: nn.Module, normalised: bool = True) -> None:
    """Weights from N(0, .02), biases 0.

    Without normalisation such weights would let the signal vanish, and He's are taken, as in WGAN-GP's code.
    """
    network.apply(normal_init if normalised else he_init)


def check_arguments(side: str, channels: int, size: int, **widths: int) -> None:
    """Refuse numbers that make no network.

    Raises:
        InputError: if one is less than 1, or ``size`` is no multiple of 4.
    """
    check_widths(side, channels=channels, size=size, **widths)
    if size % 4:
        raise InputError(f"{side}.size is {size}; expected a multiple of 4, for it is halved twice")


def decoder_layers(inputs: int, channels: int, size: int, width: int, dense: int) -> nn.Sequential:
    """Layers from rows (N, inputs) to images (N, channels, size, size)."""
    smallest = size // 4
    flat = 2 * width * smallest * smallest
    return nn.Sequential(
        # No bias next to batch normalisation, whose shift makes it idle.
        nn.Linear(inputs, dense, bias=False),
        nn.BatchNorm1d(dense),
        nn.ReLU(inplace=True),
        nn.Linear(dense, flat, bias=False),
        nn.BatchNorm1d(flat),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (2 * width, smallest, smallest)),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(width, channels, 4, 2, 1),
        nn.Tanh(),
    )


def encoder_layers(channels: int, size: int, width: int, dense: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """Layers from images (N, channels, size, size) to rows (N, outputs)."""
    normalised = [nn.BatchNorm2d(2 * width), nn.BatchNorm1d(dense)] if batch_norm else [nn.Identity(), nn.Identity()]
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not batch_norm),
        normalised[0],
        nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(),
        nn.Linear(2 * width * (size // 4) ** 2, dense, bias=not batch_norm),
        normalised[1],
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(dense, outputs),
    )


class InfoGANGenerator(Generator):
    """Two dense layers to a map of a quarter of the size, two transposed convolutions, tanh.

    Args:
        channels: channels of the images.
        size: height and width, a multiple of 4.
        latent_dim: length of z.
        width: channels of the map before the image; the smallest map has twice as many.
        dense: units of the dense layer.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, latent_dim: int = 64, width: int = 64, dense: int = 1024) -> None:
        super().__init__()
        check_arguments("model.generator", channels, size, latent_dim=latent_dim, width=width, dense=dense)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        self.layers = decoder_layers(latent_dim, channels, size, width, dense)
        initialise(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        images: Tensor = self.layers(latent)
        return images


class InfoGANDiscriminator(Discriminator):
    """Two strided convolutions, a dense layer, one logit.

    Args:
        channels: channels of the images.
        size: height and width, a multiple of 4.
        width: channels of the first map; the second has twice as many.
        dense: units of the dense layer.
        batch_norm: the paper's batch normalisation; without it logits of one image do not depend on the others.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, width: int = 64, dense: int = 1024, batch_norm: bool = True) -> None:
        super().__init__()
        check_arguments("model.discriminator", channels, size, width=width, dense=dense)
        self.channels, self.size = channels, size
        self.layers = encoder_layers(channels, size, width, dense, 1, batch_norm)
        initialise(self, batch_norm)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(images)
        return logits.flatten()
