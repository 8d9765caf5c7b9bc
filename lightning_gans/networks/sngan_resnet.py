"""The residual networks of SNGAN (Miyato et al., 2018, table 4), for images of any size.

The paper's are for 32 pixels (CIFAR-10): G has three blocks that double the side of a 4 x 4 map, D two blocks that
halve the side and two that keep it. For other sizes there are as many blocks as the doublings and halvings need: the
shorter side of G's smallest map has 4 to 7 pixels (:func:`.smallest_map`), and D halves the sides until the shorter one
has at most 8 pixels. All maps have the same number of channels, or, with ``growth``, fewer in larger maps, as in the
networks of Miyato and Koyama (2018) for 128 pixels.

Conditional networks are those of Miyato and Koyama (2018): class-conditional batch normalization in G, and a projection
of the label on the features in D.

With ``attention`` both networks have self-attention on maps of one side (SAGAN; Zhang et al., 2019).

Spectral normalization is not part of these networks: the SNGAN variant applies it to any discriminator.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size, height_width
from lightning_gans.networks.attention import SelfAttention, attended_blocks
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import ConditionalBatchNorm, project_labels
from lightning_gans.networks.layers import DownsampleConv, UpsampleConv
from lightning_gans.networks.sizes import smallest_map

LARGEST_LAST_SIDE = 8
"""D halves the sides of its feature maps while the shorter one is larger than this."""


def glorot_init(module: nn.Module) -> None:
    """Draw weights from Glorot's uniform distribution, with twice its variance in 3 x 3 convolutions; bias 0.

    As in the code of Miyato et al. (2018). For ``apply``.
    """
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        doubled = isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1
        nn.init.xavier_uniform_(module.weight, gain=2**0.5 if doubled else 1.0)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class UpBlock(nn.Module):
    """Doubles the side: normalization, ReLU and a 3 x 3 convolution, twice; added to the upsampled 1 x 1 convolution.

    Args:
        before: channels of the input.
        after: channels of the output.
        norm: takes the number of channels and returns a normalization, which is called with maps and the condition.
        attention: whether self-attention follows.
    """

    def __init__(self, before: int, after: int, norm: Callable[[int], nn.Module], attention: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList([norm(width) for width in (before, after)])
        # No bias in front of batch normalization, which would subtract it.
        self.upsample = UpsampleConv(before, after, bias=False)
        self.conv = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)
        self.attention = SelfAttention(after) if attention else nn.Identity()

    def forward(self, maps: Tensor, condition: Tensor | None) -> Tensor:
        """Return feature maps (N, after, 2 H, 2 W).

        Args:
            maps: (N, before, H, W).
            condition: what the normalization depends on for each image, such as labels (N,).
        """
        inside = self.upsample(F.relu(self.norms[0](maps, condition)))
        inside = self.conv(F.relu(self.norms[1](inside, condition)))
        # A 1 x 1 convolution and the upsampling commute; it needs a quarter of the operations before it.
        upsampled: Tensor = inside + F.interpolate(self.shortcut(maps), scale_factor=2, mode="nearest")
        attended: Tensor = self.attention(upsampled)
        return attended


class DownBlock(nn.Module):
    """ReLU and a 3 x 3 convolution, twice, then an average over 2 x 2 pixels; added to a shortcut.

    Args:
        before: channels of the input.
        after: channels of the output.
        halve: whether to halve the side. If not, and if the channels do not change, the shortcut is the input.
        first: whether this is the first block, which has no ReLU in front of its first convolution.
        attention: whether self-attention follows.
    """

    def __init__(self, before: int, after: int, halve: bool, first: bool = False, attention: bool = False) -> None:
        super().__init__()
        self.halve = halve
        # Modules, since the analysis of D reads the outputs of activation layers.
        self.branch = nn.Sequential(
            nn.Identity() if first else nn.ReLU(),
            nn.Conv2d(before, after, 3, padding=1),
            nn.ReLU(inplace=True),
            DownsampleConv(after, after) if halve else nn.Conv2d(after, after, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(before, after, 1) if halve or before != after else nn.Identity()
        self.attention = SelfAttention(after) if attention else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, after, H', W') for ``maps`` (N, before, H, W), H' = H / 2 if the side is halved."""
        # A 1 x 1 convolution and the average commute; it needs a quarter of the operations after it.
        shortcut = self.shortcut(F.avg_pool2d(maps, 2) if self.halve else maps)
        output: Tensor = self.attention(shortcut + self.branch(maps))
        return output


def up_blocks(
    widths: Sequence[int], norms: Sequence[Callable[[int], nn.Module]], size: Size, attention: int | None
) -> nn.ModuleList:
    """Return blocks that double the sides of the smallest map until they are those of the images.

    Args:
        widths: channels of each block's output; the smallest map has as many as the first.
        norms: the normalization of each block; see :class:`UpBlock`.
        size: (height, width) of the images in pixels, or one number for a square.
        attention: as in :func:`.attended_blocks`.

    Raises:
        ValueError: if there are no maps of the side ``attention``.
    """
    height, width = height_width(size)
    attended = attended_blocks(attention, [(height >> n, width >> n) for n in reversed(range(len(widths)))])
    return nn.ModuleList(
        [
            UpBlock(before, after, norm, attend)
            for (before, after), norm, attend in zip(pairwise([widths[0], *widths]), norms, attended, strict=True)
        ]
    )


def image_layers(width: int, channels: int) -> nn.Sequential:
    """Return G's last layers, from maps of ``width`` channels to images in [-1, 1]."""
    return nn.Sequential(
        nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh()
    )


class SNGANResNetGenerator(Generator):
    """A linear layer from z to the smallest map, residual blocks that double the side, a 3 x 3 convolution, tanh.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the largest hidden feature map.
        growth: factor of the channels from a map to the one of half its side, but for the smallest map, which has as
            many as the next: 1 for Miyato et al. (2018), 2 for Miyato and Koyama (2018).
        num_classes: number of classes of the data.
        conditional: whether batch normalization has a gain and a bias for each class.
        attention: the shorter side, in pixels, of the feature maps with self-attention; None for none.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 128,
        width: int = 256,
        growth: int = 1,
        num_classes: int | None = None,
        conditional: bool = False,
        attention: int | None = None,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(width=width, growth=growth)
        rows, columns, doublings = smallest_map(size)
        widths = [width * growth**level for level in reversed(range(doublings))]
        self.start = nn.Sequential(
            nn.Linear(latent_dim, widths[0] * rows * columns), nn.Unflatten(1, (widths[0], rows, columns))
        )
        norm = partial(ConditionalBatchNorm, num_classes=self.num_classes)
        self.blocks = up_blocks(widths, [norm] * doublings, size, attention)
        self.end = image_layers(width, channels)
        self.apply(glorot_init)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.start[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        maps = self.start(latent)
        for block in self.blocks:
            maps = block(maps, labels)
        images: Tensor = self.end(maps)
        return images


class ResNetDiscriminator(FeatureDiscriminator):
    """Base class: residual blocks without normalization, ReLU, the sum over all positions, one logit.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        halving: channels of the blocks that halve the sides, from the one next to the image.
        keeping: channels of the blocks after them, which keep the sides.
        num_classes: number of classes of the data.
        conditional: whether to project the label on the features (Miyato and Koyama, 2018).
        attention: as in :func:`.attended_blocks`.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("blocks",)

    @abstractmethod  # a network states its widths
    def __init__(
        self,
        channels: int,
        size: Size,
        halving: Sequence[int],
        keeping: Sequence[int],
        num_classes: int | None,
        conditional: bool,
        attention: int | None,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        height, width = self.size
        halved = [True] * len(halving) + [False] * len(keeping)
        levels = [min(index + 1, len(halving)) for index in range(len(halved))]
        attended = attended_blocks(attention, [(height >> level, width >> level) for level in levels])
        widths = [channels, *halving, *keeping]
        blocks = [
            DownBlock(before, after, halve, first=index == 0, attention=attend)
            for index, ((before, after), halve, attend) in enumerate(
                zip(pairwise(widths), halved, attended, strict=True)
            )
        ]
        self.blocks = nn.Sequential(*blocks, nn.ReLU(inplace=True))
        self.logit = nn.Linear(widths[-1], 1)
        # A table of its own, which spectral normalization divides by its own largest singular value.
        self.classes = nn.Linear(widths[-1], self.num_classes, bias=False) if self.num_classes else None

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the residual blocks; see :meth:`.AnyDiscriminator.feature_blocks`."""
        return [[block] for block in self.blocks if isinstance(block, DownBlock)]

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.logit

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the features (N, width); see :meth:`.FeatureDiscriminator.feature_maps`."""
        features: Tensor = self.blocks(images).sum(dim=(2, 3))
        return features

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,); see :meth:`.FeatureDiscriminator.logits_of`."""
        outputs: Tensor = self.logit(maps)
        if self.classes is None:
            return outputs[:, 0]
        return project_labels(torch.cat([outputs, self.classes(maps)], dim=1), labels, self.num_classes)


class SNGANResNetDiscriminator(ResNetDiscriminator):
    """Residual blocks without normalization, ReLU, the sum over all positions, one logit.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the largest hidden feature maps, those of the first block.
        growth: factor of the channels in each further block that halves the side: 1 for Miyato et al. (2018), 2 for
            Miyato and Koyama (2018).
        num_classes: number of classes of the data.
        conditional: whether to project the label on the features (Miyato and Koyama, 2018).
        attention: the shorter side, in pixels, of the feature maps with self-attention; None for none.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 128,
        growth: int = 1,
        num_classes: int | None = None,
        conditional: bool = False,
        attention: int | None = None,
    ) -> None:
        check_positive(width=width, growth=growth)
        smallest = smallest_map(size)
        side = min(smallest[:2]) << smallest.doublings
        widths = [width]
        while (side := side // 2) > LARGEST_LAST_SIDE:
            widths.append(widths[-1] * growth)
        super().__init__(channels, size, widths, [widths[-1]] * 2, num_classes, conditional, attention)
        self.apply(glorot_init)
