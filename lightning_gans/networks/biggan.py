"""The residual networks of BigGAN (Brock et al., 2019, appendix B), for images of any size.

The paper's tables are for 128, 256 and 512 pixels, the authors' PyTorch code (ajbrock/BigGAN-PyTorch) has further ones
for 64 and 32 pixels (:data:`WIDTHS`). Other sizes have the table of as many doublings of the smallest map.

The latent vector is divided into parts of nearly equal length: the first goes to the first layer, each further one to a
block of G. There it is concatenated with the embedding of the label, which all blocks share, and makes the gains and
biases of batch normalization; without labels it makes them alone. D is given the label by projection.

Spectral normalization, which the paper has in both networks, is not part of them: the SNGAN variant applies it to any
discriminator, and ``generator_constraint SpectralNorm`` to any generator.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive
from lightning_gans.networks.labels import LinearConditionalBatchNorm, one_hot
from lightning_gans.networks.sizes import smallest_map
from lightning_gans.networks.sngan_resnet import ResNetDiscriminator, image_layers, up_blocks


class Widths(NamedTuple):
    """The channels of the blocks of both networks, as multiples of ``width``.

    Attributes:
        generator: of G's blocks, from the smallest map.
        halving: of D's blocks that halve the sides, from the image.
        keeping: of D's blocks after them.
    """

    generator: tuple[int, ...]
    halving: tuple[int, ...]
    keeping: tuple[int, ...]


WIDTHS = {
    2: Widths((4, 4), (4, 4), (4, 4)),  # in no table; as for 32 pixels
    3: Widths((4, 4, 4), (4, 4), (4, 4)),  # 32 pixels
    4: Widths((16, 8, 4, 2), (1, 2, 4, 8), (16,)),  # 64 pixels
    5: Widths((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), (16,)),  # 128 pixels
    6: Widths((16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16), (16,)),  # 256 pixels
    7: Widths((16, 8, 8, 4, 2, 1, 1), (1, 1, 2, 4, 8, 8, 16), (16,)),  # 512 pixels
}
"""The tables by the number of doublings of the smallest map; see :func:`.smallest_map`."""


def widths_of(doublings: int) -> Widths:
    """Return the table for a number of doublings; the larger maps of larger images have the factor 1."""
    generator, halving, keeping = WIDTHS[min(doublings, max(WIDTHS))]
    further = (1,) * (doublings - len(generator))
    return Widths(generator + further, further + halving, keeping)


def part_lengths(latent_dim: int, parts: int) -> list[int]:
    """Return the lengths of the parts of a latent vector; they differ by at most 1, and the first are the longest.

    Raises:
        ValueError: if a part would be empty.
    """
    if latent_dim < parts:
        raise ValueError(
            f"latent_dim is {latent_dim}; expected at least {parts}, an entry for the first layer and one for each of "
            f"{parts - 1} blocks"
        )
    return [latent_dim // parts + (index < latent_dim % parts) for index in range(parts)]


def orthogonal_init(module: nn.Module) -> None:
    """Draw orthogonal weights (Saxe et al., 2014) of convolutions and linear layers, with bias 0; for ``apply``.

    The weight of a convolution counts as a matrix with one row per output channel.
    """
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class BigGANGenerator(Generator):
    """A linear layer from z to the smallest map, residual blocks that double the side, a 3 x 3 convolution, tanh.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector, at least 1 more than the number of blocks; in the paper 120 for 128
            pixels and 140 for 256.
        width: channels by which the factors of :data:`WIDTHS` are multiplied; the paper's ``ch``, 64 or 96.
        embedding_dim: length of the embedding of a label; used only if the network is conditional.
        num_classes: number of classes of the data.
        conditional: whether batch normalization depends on the label, too.
        attention: the shorter side, in pixels, of the feature maps with self-attention, in the paper 64; None for none.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 128,
        width: int = 64,
        embedding_dim: int = 128,
        num_classes: int | None = None,
        conditional: bool = False,
        attention: int | None = None,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(width=width, embedding_dim=embedding_dim)
        rows, columns, doublings = smallest_map(size)
        widths = [width * factor for factor in widths_of(doublings).generator]
        first, *others = self.part_lengths = part_lengths(latent_dim, doublings + 1)
        self.embedding: nn.Parameter | None = None
        if self.num_classes:
            # Not a layer, since the authors' spectral normalization leaves it as it is.
            self.embedding = nn.Parameter(torch.empty(self.num_classes, embedding_dim))
            nn.init.orthogonal_(self.embedding)
        embedded = embedding_dim if self.num_classes else 0
        self.start = nn.Linear(first, widths[0] * rows * columns)
        self.smallest_map = nn.Unflatten(1, (widths[0], rows, columns))
        norms = [partial(LinearConditionalBatchNorm, condition_dim=embedded + length) for length in others]
        self.blocks = up_blocks(widths, norms, size, attention)
        self.end = image_layers(widths[-1], channels)
        self.apply(orthogonal_init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer and of the gains and biases; see :meth:`.Generator.latent_weights`."""
        layers = [[self.start], *(condition_layers(block) for block in self.blocks)]
        weights: list[Tensor] = []
        before = 0
        for length, given in zip(self.part_lengths, layers, strict=True):
            after = self.latent_dim - before - length
            weights += [F.pad(layer.weight[:, -length:], (before, after)) for layer in given]
            before += length
        return weights

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        first, *others = torch.split(latent, self.part_lengths, dim=1)
        label: list[Tensor] = []
        if self.embedding is not None:
            label = [one_hot(labels, self.num_classes, self.embedding.dtype) @ self.embedding]
        maps = self.smallest_map(self.start(first))
        for block, part in zip(self.blocks, others, strict=True):
            maps = block(maps, torch.cat([*label, part], dim=1))
        images: Tensor = self.end(maps)
        return images


def condition_layers(block: nn.Module) -> list[nn.Linear]:
    """Return the layers of a block that make the gains and biases of its normalization."""
    norms = (module for module in block.modules() if isinstance(module, LinearConditionalBatchNorm))
    return [layer for norm in norms for layer in (norm.gain, norm.bias)]


class BigGANDiscriminator(ResNetDiscriminator):
    """Residual blocks without normalization, ReLU, the sum over all positions, one logit.

    With ``width: 64`` it is the discriminator of SAGAN (Zhang et al., 2019, code) for 128 pixels as well.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels by which the factors of :data:`WIDTHS` are multiplied; the paper's ``ch``, 64 or 96.
        num_classes: number of classes of the data.
        conditional: whether to project the label on the features (Miyato and Koyama, 2018).
        attention: the shorter side, in pixels, of the feature maps with self-attention, in the paper 64; None for none.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 64,
        num_classes: int | None = None,
        conditional: bool = False,
        attention: int | None = None,
    ) -> None:
        check_positive(width=width)
        _, *factors = widths_of(smallest_map(size).doublings)
        halving, keeping = ([width * factor for factor in widths] for widths in factors)
        super().__init__(channels, size, halving, keeping, num_classes, conditional, attention)
        self.apply(orthogonal_init)
