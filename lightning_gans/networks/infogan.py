"""InfoGAN's networks for MNIST (Chen et al., 2016, appendix C.1), for images whose sides are multiples of 4 pixels.

Lucic et al. (2018) compare the objectives of many variants with these networks. Unlike DCGAN's, they have dense hidden
layers, whose units see the whole image. The codes of InfoGAN and the head that recovers them are not part of them.

Conditional networks, which the paper does not have, concatenate z and the one-hot label in G, and project the label on
the features in D (Miyato and Koyama, 2018).
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import concat_labels
from lightning_gans.networks.layers import he_init, normal_init
from lightning_gans.networks.sizes import sides_divisible_by


def decoder_layers(inputs: int, channels: int, size: Size, width: int, dense: int) -> nn.Sequential:
    """Return the layers of G, from vectors (N, inputs) to images (N, channels, height, width)."""
    rows, columns = (side // 4 for side in sides_divisible_by(4, size))
    flat = 2 * width * rows * columns
    return nn.Sequential(
        # No bias in front of batch normalization, which would subtract it.
        nn.Linear(inputs, dense, bias=False),
        nn.BatchNorm1d(dense),
        nn.ReLU(inplace=True),
        nn.Linear(dense, flat, bias=False),
        nn.BatchNorm1d(flat),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (2 * width, rows, columns)),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(width, channels, 4, 2, 1),
        nn.Tanh(),
    )


def encoder_layers(channels: int, size: Size, width: int, dense: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """Return the layers of D, from images (N, channels, height, width) to vectors (N, outputs)."""
    rows, columns = (side // 4 for side in sides_divisible_by(4, size))
    norms = [nn.BatchNorm2d(2 * width), nn.BatchNorm1d(dense)] if batch_norm else [nn.Identity(), nn.Identity()]
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not batch_norm),
        norms[0],
        nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(),
        nn.Linear(2 * width * rows * columns, dense, bias=not batch_norm),
        norms[1],
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(dense, outputs),
    )


class InfoGANGenerator(Generator):
    """Two dense layers, two transposed convolutions that double the side, tanh.

    Weights start from N(0, 0.02^2).

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, multiples of 4, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the last hidden feature map; the map before has twice as many.
        dense: units of the first dense layer.
        num_classes: number of classes of the data.
        conditional: whether to concatenate the one-hot label to z.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 64,
        width: int = 64,
        dense: int = 1024,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(width=width, dense=dense)
        self.layers = decoder_layers(latent_dim + self.num_classes, channels, size, width, dense)
        self.apply(normal_init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.layers[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        inputs = concat_labels(latent, labels, self.num_classes) if self.num_classes else latent
        images: Tensor = self.layers(inputs)
        return images


class InfoGANDiscriminator(FeatureDiscriminator):
    """Two strided convolutions, a dense layer, one logit.

    Weights start from N(0, 0.02^2) with batch normalization, and from He's normal distribution without it: without
    normalization such small weights would make the signal vanish.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, multiples of 4, or one number for a square.
        width: channels of the first feature map; the second has twice as many.
        dense: units of the dense layer.
        batch_norm: whether to use the paper's batch normalization; without it the logit of an image does not depend on
            the other images of the batch.
        num_classes: number of classes of the data.
        conditional: whether to project the label on the dense layer's output (Miyato and Koyama, 2018).

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 64,
        dense: int = 1024,
        batch_norm: bool = True,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_positive(width=width, dense=dense)
        self.layers = encoder_layers(channels, size, width, dense, 1 + self.num_classes, batch_norm)
        self.apply(normal_init if batch_norm else he_init)
