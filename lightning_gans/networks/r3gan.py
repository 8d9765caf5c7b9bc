"""The networks of R3GAN (Huang et al., 2024, section 3), for images of any size.

Residual blocks of grouped convolutions without normalization, trainable because of their initialization. They differ
from the paper in two points. G ends in tanh, since images are in [-1, 1]; the paper's output is linear. And by default
they are narrower: channels double from each feature map to the next smaller one, from 64 up to 512. The authors'
networks (the presets in their ``train.py``) are these:

=============================  =====  ======  ======  ==========
preset                         width  growth  widest  group_size
=============================  =====  ======  ======  ==========
CIFAR-10 (32 pixels)           768    1       768     16
ImageNet-32, ImageNet-64       1536   1       1536    32
FFHQ-64                        384    2       768     16
FFHQ-256                       96     2       768     16
=============================  =====  ======  ======  ==========

The smallest map, which is 4 x 4 there, may have other sides (:func:`.smallest_map`).

Conditional networks embed the label, as in the authors' code: G concatenates the embedding to z, and the logit of D is
the inner product of its last layer's output with the embedding (Miyato and Koyama, 2018). G's embedding has as many
entries as its smallest map has channels, the authors' as many as z.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import one_hot
from lightning_gans.networks.resampling import Downsample, Upsample
from lightning_gans.networks.sizes import smallest_map

SLOPE = 0.2
"""Slope of every LeakyReLU for negative input."""

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """Draw the weights of a layer from N(0, gain^2 / fan-in) (He et al., 2015), set its bias to 0, and return it."""
    nn.init.normal_(layer.weight, 0.0, gain * layer.weight[0].numel() ** -0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """A 1 x 1 convolution to more channels, a grouped 3 x 3 one, a 1 x 1 one back; the output is added to the input.

    A bias and LeakyReLU follow the first two; in the authors' code the bias belongs to the activation. The weights of
    the last convolution start at 0, so the block starts as the identity; those of the other two start smaller the more
    blocks there are, as in Fixup (Zhang et al., 2019).

    Args:
        width: channels of the feature maps.
        expansion: channels inside, as a multiple of ``width``.
        group_size: channels of each group of the 3 x 3 convolution; a divisor of ``width * expansion``.
        count: number of blocks in the whole network.
    """

    def __init__(self, width: int, expansion: int, group_size: int, count: int) -> None:
        super().__init__()
        inside = width * expansion
        # Fixup's exponent is -1 / (2m - 2) with m convolutions in a block.
        gain = nn.init.calculate_gain("leaky_relu", SLOPE) * count ** (-1 / 4)
        self.branch = nn.Sequential(
            scaled(nn.Conv2d(width, inside, 1), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inside, inside, 3, padding=1, groups=inside // group_size), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inside, width, 1, bias=False), 0.0),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, width, H, W)."""
        change: Tensor = self.branch(maps)
        return maps + change


def map_widths(
    doublings: int,
    width: int | None,
    growth: int,
    widest: int | None,
    expansion: int,
    group_size: int,
    **counts: int,
) -> list[int]:
    """Return the channels of the feature maps of all stages, from the largest map to the smallest.

    Args:
        doublings: how often the sides of the smallest map are doubled.
        width: channels of the largest map, or None; see :class:`R3GANGenerator`.
        growth: channels of a map divided by those of the next larger one.
        widest: most channels of a map, or None; see :class:`R3GANGenerator`.
        expansion: channels inside a block, as a multiple of those of its feature maps.
        group_size: channels of each group of a 3 x 3 convolution.
        **counts: other arguments that have to be at least 1.

    Raises:
        ValueError: if a number is less than 1, or the channels of a block cannot be divided into groups.
    """
    above = max(doublings - 6, 0)
    if width is None:
        width = max(64 >> above, 8)
    if widest is None:
        widest = 8 * width << above
    check_positive(width=width, growth=growth, widest=widest, expansion=expansion, group_size=group_size, **counts)
    for name, channels in (("width", width), ("widest", widest)):
        if channels * expansion % group_size:
            raise ValueError(
                f"group_size is {group_size}; expected a divisor of {name} times expansion, {channels * expansion}"
            )
    return [min(width * growth**level, widest) for level in range(doublings + 1)]


def change_width(before: int, after: int) -> list[nn.Module]:
    """Return a 1 x 1 convolution between two stages, if their channels differ."""
    return [] if before == after else [scaled(nn.Conv2d(before, after, 1, bias=False))]


def embed_labels(num_classes: int, width: int, gain: float = 1.0) -> nn.Linear | None:
    """Return a layer from one-hot labels (N, num_classes) to embeddings (N, width); None without classes."""
    return scaled(nn.Linear(num_classes, width, bias=False), gain) if num_classes else None


class R3GANGenerator(Generator):
    """A learned smallest map whose channels are multiplied by a linear function of z, then stages of residual blocks.

    The sides double from each stage to the next; tanh follows the last.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the stage with the largest map; None for 64 if the shorter side has less than 512 pixels, 32
            if it has less than 1024, and so on.
        growth: channels of a stage divided by those of the stage with the next larger map.
        widest: most channels of a stage; None for eight times ``width`` if the shorter side has less than 512 pixels,
            16 times if it has less than 1024, and so on, so that 512 belong to the default of ``width``.
        blocks: number of residual blocks of each stage.
        expansion: channels inside a block, as a multiple of those of its feature maps.
        group_size: channels of each group of a 3 x 3 convolution; a divisor of ``width * expansion``.
        num_classes: number of classes of the data.
        conditional: whether to use labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 64,
        width: int | None = None,
        growth: int = 2,
        widest: int | None = None,
        blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        rows, columns, doublings = smallest_map(size)
        widths = map_widths(doublings, width, growth, widest, expansion, group_size, blocks=blocks)
        before = widths[-1]
        self.embed = embed_labels(self.num_classes, before)
        self.basis = nn.Parameter(torch.randn(before, rows, columns))
        self.weigh = scaled(nn.Linear(latent_dim + (before if self.num_classes else 0), before, bias=False))
        layers: list[nn.Module] = []
        for level, after in enumerate(reversed(widths)):
            if level > 0:
                # Before the upsampling, where it needs a quarter of the operations.
                layers += [*change_width(before, after), Upsample()]
            layers += [ResidualBlock(after, expansion, group_size, blocks * len(widths)) for _ in range(blocks)]
            before = after
        layers += [scaled(nn.Conv2d(before, channels, 1, bias=False)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the layer whose outputs multiply the smallest map; see the base class."""
        return [weights_of_latent(self.weigh, self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        if self.embed is not None:
            latent = torch.cat([latent, self.embed(one_hot(labels, self.num_classes, latent.dtype))], dim=1)
        images: Tensor = self.layers(self.basis * self.weigh(latent)[:, :, None, None])
        return images


class R3GANDiscriminator(FeatureDiscriminator):
    """Stages of residual blocks, the mirror image of the generator, then one logit.

    The sides halve from each stage to the next. A depthwise convolution reduces the smallest map to one pixel, and a
    linear layer maps this to the logit.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the stage with the largest map; None for 64 if the shorter side has less than 512 pixels, 32
            if it has less than 1024, and so on.
        growth: channels of a stage divided by those of the stage with the next larger map.
        widest: most channels of a stage; None for eight times ``width`` if the shorter side has less than 512 pixels,
            16 times if it has less than 1024, and so on, so that 512 belong to the default of ``width``.
        blocks: number of residual blocks of each stage.
        expansion: channels inside a block, as a multiple of those of its feature maps.
        group_size: channels of each group of a 3 x 3 convolution; a divisor of ``width * expansion``.
        num_classes: number of classes of the data.
        conditional: whether to use labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("layers",)

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int | None = None,
        growth: int = 2,
        widest: int | None = None,
        blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        rows, columns, doublings = smallest_map(size)
        widths = map_widths(doublings, width, growth, widest, expansion, group_size, blocks=blocks)
        before = widths[0]
        layers: list[nn.Module] = [scaled(nn.Conv2d(channels, before, 1, bias=False))]
        for level, after in enumerate(widths):
            if level > 0:
                layers += [Downsample(), *change_width(before, after)]
            layers += [ResidualBlock(after, expansion, group_size, blocks * len(widths)) for _ in range(blocks)]
            before = after
        layers += [scaled(nn.Conv2d(before, before, (rows, columns), groups=before, bias=False)), nn.Flatten()]
        layers.append(scaled(nn.Linear(before, before if self.num_classes else 1, bias=False)))
        self.layers = nn.Sequential(*layers)
        self.embed = embed_labels(self.num_classes, before, gain=before**-0.5)

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the stages; see :meth:`.AnyDiscriminator.feature_blocks`."""
        stages: list[list[nn.Module]] = [[]]
        for layer in self.layers[:-3]:  # without those that reduce the smallest map to the logit
            if isinstance(layer, Downsample):
                stages.append([])
            stages[-1].append(layer)
        return stages

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,); see :meth:`.FeatureDiscriminator.logits_of`."""
        outputs: Tensor = self.last_layer(maps)
        if self.embed is not None:
            outputs = outputs * self.embed(one_hot(labels, self.num_classes, outputs.dtype))
        return outputs.sum(dim=1)
