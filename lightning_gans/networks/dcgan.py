"""The networks of DCGAN (Radford, Metz and Chintala, 2016, section 3), for images of any size.

They follow the paper's five guidelines: strided convolutions in place of pooling; batch normalization in both networks,
except at G's output and D's input; no fully connected hidden layers; ReLU in G with tanh at the output; LeakyReLU in D.

The paper's are for 64 pixels. G starts from a map whose shorter side has 4 to 7 pixels (:func:`.smallest_map`) and
doubles its sides as often as the size needs; D is its mirror image. Channels double from each feature map to the next
smaller one, up to eight times, which is the paper's widest map: for more than 64 pixels further small maps have that
width.

Conditional networks, which the paper does not have, concatenate z and the one-hot label in G, and project the label on
the features in D (Miyato and Koyama, 2018).
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import concat_labels
from lightning_gans.networks.layers import dcgan_init, scale_uniform
from lightning_gans.networks.sizes import smallest_map

MOST_GROWTH = 8
"""Channels of the widest feature map, as a multiple of those of the largest one."""


def hidden_widths(doublings: int, width: int) -> list[int]:
    """Return the channels of the hidden feature maps, from the largest map to the smallest."""
    return [width * min(2**level, MOST_GROWTH) for level in range(doublings)]


def decoder_layers(inputs: int, channels: int, size: Size, width: int) -> nn.Sequential:
    """Return the layers of G, from feature maps (N, inputs, 1, 1) to images (N, channels, height, width)."""
    layers: list[nn.Module] = []
    smallest = smallest_map(size)
    before = inputs
    for level, after in enumerate(reversed(hidden_widths(smallest.doublings, width))):
        kernel, stride, padding = (smallest[:2], 1, 0) if level == 0 else ((4, 4), 2, 1)
        # No bias in front of batch normalization, which would subtract it.
        layers.append(nn.ConvTranspose2d(before, after, kernel, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        before = after
    return nn.Sequential(*layers, nn.ConvTranspose2d(before, channels, 4, 2, 1), nn.Tanh())


def encoder_layers(channels: int, size: Size, width: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """Return the layers of D, from images (N, channels, height, width) to feature maps (N, outputs, 1, 1)."""
    layers: list[nn.Module] = []
    smallest = smallest_map(size)
    before = channels
    for level, after in enumerate(hidden_widths(smallest.doublings, width)):
        normalized = batch_norm and level > 0
        layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not normalized))
        if normalized:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, outputs, smallest[:2]))


Initialization = Literal["normal", "he"]
"""The initializations of :func:`initialize`."""


def initialize(network: nn.Module, init: Initialization) -> None:
    """Draw the weights of G or D anew.

    Args:
        network: the network; its convolutions of stride 1 are those between a single pixel and the smallest map.
        init: "normal" for N(0, 0.02^2) as in DCGAN (:func:`.dcgan_init`); "he" for uniform distributions scaled by the
            size of each layer as in the code of WGAN-GP (Gulrajani et al., 2017), which also suits a D without batch
            normalization: there the gradient of a D with the small weights of DCGAN nearly vanishes.

    Raises:
        ValueError: if ``init`` is unknown.
    """
    if init == "normal":
        network.apply(dcgan_init)
    elif init == "he":
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                scale_uniform(layer, dense=layer.stride == (1, 1))
    else:
        raise ValueError(f"init is {init!r}; expected 'normal' or 'he'")


class DCGANGenerator(Generator):
    """Transposed convolutions from a 1 x 1 map of z to the image, each but the first doubling the side.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the last hidden feature map; each earlier map has twice as many as the next, up to
            eight times ``width``.
        num_classes: number of classes of the data.
        conditional: whether to concatenate the one-hot label to z.
        init: initialization of the weights, "normal" or "he"; see :func:`initialize`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 100,
        width: int = 64,
        num_classes: int | None = None,
        conditional: bool = False,
        init: Initialization = "normal",
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(width=width)
        self.layers = decoder_layers(latent_dim + self.num_classes, channels, size, width)
        initialize(self, init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.layers[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        inputs = concat_labels(latent, labels, self.num_classes) if self.num_classes else latent
        images: Tensor = self.layers(inputs[:, :, None, None])
        return images


class DCGANDiscriminator(FeatureDiscriminator):
    """Strided convolutions from the image to one logit, each but the last halving the side.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the first hidden feature map; each later map has twice as many as the one before,
            up to eight times ``width``.
        batch_norm: whether to use the paper's batch normalization; without it the logit of an image does not depend on
            the other images of the batch.
        num_classes: number of classes of the data.
        conditional: whether to project the label on the last hidden feature map (Miyato and Koyama, 2018).
        init: initialization of the weights, "normal" or "he"; see :func:`initialize`. Without batch normalization,
            "he" is better.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("layers",)

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 64,
        batch_norm: bool = True,
        num_classes: int | None = None,
        conditional: bool = False,
        init: Initialization = "normal",
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_positive(width=width)
        self.layers = encoder_layers(channels, size, width, 1 + self.num_classes, batch_norm)
        initialize(self, init)
