"""Encoders of images as latent codes: E of BicycleGAN (Zhu et al., 2017)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size, height_width
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.networks.base import Network, check_positive
from lightning_gans.networks.cut import xavier_init
from lightning_gans.networks.layers import InstanceNorm, MakeNorm

MAX_GROWTH = 4
"""Largest number of channels of a feature map, as a multiple of the first map's."""

LEAST_SIDE = 16
"""Least height and width of the images in pixels."""


class LatentCodes(NamedTuple):
    """The normal distributions of the latent codes of images, with independent entries.

    Attributes:
        mean: (N, latent_dim).
        log_variance: logarithms of the variances, (N, latent_dim).
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        r"""Return latent codes (N, latent_dim), :math:`\mu + \sigma \epsilon`, which have gradients.

        Args:
            noise: standard normal numbers (N, latent_dim).
        """
        return self.mean + (self.log_variance / 2).exp() * noise

    def divergence(self) -> Tensor:
        r"""Return the divergence (N,) of each image's distribution from the standard normal one.

        :math:`D_{KL}(N(\mu, \sigma^2) \| N(0, 1)) = \frac12 \sum (\mu^2 + \sigma^2 - 1 - \log \sigma^2)`.
        """
        terms = self.mean.square() + self.log_variance.exp() - 1 - self.log_variance
        return terms.sum(dim=1) / 2


class LatentEncoder(Network):
    """Base class of networks that find the latent code of an image.

    A family builds its encoder itself: it calls the class with ``channels``, ``size`` and ``latent_dim``, in this
    order.

    Args:
        channels: channels of the images.
        latent_dim: length of a latent code.

    Attributes:
        channels: channels of the images.
        latent_dim: length of a latent code.

    Raises:
        ValueError: if an argument is less than 1.
    """

    def __init__(self, channels: int, latent_dim: int) -> None:
        super().__init__()
        check_positive(channels=channels, latent_dim=latent_dim)
        self.channels, self.latent_dim = channels, latent_dim

    @abstractmethod
    def forward(self, images: Tensor) -> LatentCodes:
        """Return the distributions of the codes, at least float32, of ``images`` (N, channels, H, W) in [-1, 1]."""


MakeLatentEncoder = Callable[[int, Size, int], LatentEncoder]
"""Takes ``channels``, ``size`` and ``latent_dim``, and returns an encoder, as a class does."""


class ResNetLatentEncoder(LatentEncoder):
    """BicycleGAN's residual encoder: blocks that halve the side, a mean over all places, and two linear layers.

    The last maps have a shorter side of 8 to 15 pixels. For images of 128 and 256 pixels it is ``resnet_128`` and
    ``resnet_256`` of the authors' code, and so are the initial weights.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square; at least 16.
        latent_dim: length of a latent code.
        width: channels of the first map; the later ones have two, three and four times as many.
        norm: normalization in the blocks.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self, channels: int, size: Size, latent_dim: int, width: int = 64, norm: MakeNorm = InstanceNorm
    ) -> None:
        super().__init__(channels, latent_dim)
        check_positive(width=width)
        if (shorter := min(height_width(size))) < LEAST_SIDE:
            raise ValueError(f"size has a side of {shorter}; expected at least {LEAST_SIDE}")
        widths = [width * min(place, MAX_GROWTH) for place in range(1, (shorter // LEAST_SIDE).bit_length() + 1)]
        self.first = nn.Conv2d(channels, width, 4, 2, 1)
        self.blocks = nn.Sequential(*(ShrinkingBlock(*each, norm) for each in pairwise(widths)))
        self.mean, self.log_variance = (nn.Linear(widths[-1], latent_dim) for _ in range(2))
        self.apply(xavier_init)

    def forward(self, images: Tensor) -> LatentCodes:
        """Return the distributions of the codes, at least float32, of ``images`` (N, channels, H, W) in [-1, 1]."""
        maps: Tensor = self.blocks(self.first(images))
        with autocast_off(images.device):
            features = F.leaky_relu(at_least_float32(maps), 0.2).mean(dim=(2, 3))
            return LatentCodes(self.mean(features), self.log_variance(features))


class ShrinkingBlock(nn.Module):
    """A residual block that halves the side by a mean over 2 x 2 pixels; its normalizations come first.

    Args:
        before: channels of its input.
        after: channels of its output.
        norm: its normalization.
    """

    def __init__(self, before: int, after: int, norm: MakeNorm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            norm(before),
            nn.LeakyReLU(0.2),
            nn.Conv2d(before, before, 3, 1, 1, bias=False),
            norm(before),
            nn.LeakyReLU(0.2),
            nn.Conv2d(before, after, 3, 1, 1),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, after, H / 2, W / 2) for ``maps`` (N, before, H, W)."""
        shrunk: Tensor = self.layers(maps) + self.shortcut(maps)
        return shrunk
