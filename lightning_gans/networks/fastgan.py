"""The networks of FastGAN (Liu et al., 2021, section 3), light ones for few images and little computing time.

They follow the authors' code, for images of any size. Feature maps are counted in doublings of the smallest one
(:func:`.smallest_map`), which is 4 x 4 in theirs: at 256 pixels the largest map is 6 doublings above it. All channels
are multiples of ``width``, as in the authors' tables; their networks for 256, 512 and 1024 pixels have ``width`` 64.
Every weight is divided by its largest singular value (spectral normalization), in G as well.

Deviations from the authors' code:

- G returns one image. Theirs returns a second one, of a quarter of the side or less, from a 1 x 1 convolution of a
  smaller map, and D's second branch is given it; here D makes the smaller image by leaving out pixels, as theirs does
  with real images.
- G ends in tanh at every size; theirs has it at 1024 pixels only.
- In evaluation, noise is fixed and batch normalization uses running statistics; theirs draws noise and uses the
  statistics of the batch.
- Smaller images than theirs: G has fewer blocks, and keeps their number of channels at each side; D has fewer blocks in
  front. Where no map is four doublings above another, the skip connection of the excitation is as long as possible. The
  decoders reconstruct half the side, theirs 128 pixels, which is half of 256.
- Labels, which theirs does not have: batch normalization in G has a gain and a bias for each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.labels import ConditionalBatchNorm
from lightning_gans.networks.layers import UpsampleConv, apply_spectral_norm
from lightning_gans.networks.noise_injection import NoiseInjection
from lightning_gans.networks.sizes import SmallestMap, smallest_map

G_MULTIPLES = (16, 8, 4, 2, 2, 1, 1 / 2, 1 / 4, 1 / 8)
"""Channels of G's feature map after 0, 1, ... doublings, as multiples of ``width``."""

Blocks = Literal["alternating", "large", "small"]


def doubled_map(size: Size) -> SmallestMap:
    """Return the smallest feature map.

    Raises:
        ValueError: if there is none, or the images are larger than the authors' tables of channels allow.
    """
    smallest = smallest_map(size)
    if smallest.doublings > (most := len(G_MULTIPLES) - 1):
        raise ValueError(f"size is {size}; expected a shorter side of less than {4 * 2 ** (most + 1)} pixels")
    return smallest


def scaled_widths(width: int, multiples: Sequence[float]) -> list[int]:
    """Return channels of feature maps: multiples of ``width``, rounded down.

    Raises:
        ValueError: if one is less than 1.
    """
    check_positive(width=width)
    if (least := round(1 / min(multiples))) > width:
        raise ValueError(f"width is {width}; expected at least {least} for images of this size")
    return [int(multiple * width) for multiple in multiples]


def batch_norm_init(module: nn.Module) -> None:
    """Draw the weight of batch normalization from N(1, 0.02^2), as the authors do; for ``apply``.

    Their N(0, 0.02^2) of convolutions has no effect: spectral normalization replaces what they draw. The scale of a
    weight that it divides has none either.
    """
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)


def convolution(before: int, after: int, kernel: int | tuple[int, int], stride: int = 1, padding: int = 0) -> nn.Conv2d:
    """Return a convolution without bias, as all of these networks are."""
    return nn.Conv2d(before, after, kernel, stride, padding, bias=False)


class Excitation(nn.Module):
    """Skip-layer excitation (equation 1): multiplies the channels of a large map by numbers from a small one.

    The small map is averaged to the size of the network's smallest map and reduced to one pixel by a convolution; a
    1 x 1 convolution and a sigmoid give one number for each channel.

    Args:
        before: channels of the small map.
        after: channels of the large map.
        smallest: the network's smallest map.
        level: doublings from the smallest map to the small one.
    """

    def __init__(self, before: int, after: int, smallest: SmallestMap, level: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            # Whole windows, unlike adaptive pooling, whose gradient is not deterministic on CUDA.
            nn.AvgPool2d(2**level),
            convolution(before, after, (smallest.height, smallest.width)),
            nn.SiLU(),
            convolution(after, after, 1),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """Return feature maps of the shape of ``large`` (N, after, H, W) for ``small`` (N, before, h, w)."""
        factors: Tensor = self.layers(small)
        return large * factors


def skips(first: int, last: int, length: int) -> dict[int, int]:
    """Return for the larger map of each excitation the smaller one, both as doublings of the network's smallest map.

    Args:
        first: the smallest of the maps.
        last: the largest of the maps.
        length: doublings between the two maps; if there are not so many, the smallest and the largest are connected.
    """
    return {level: level - length for level in range(first + length, last + 1)} or {last: first}


class UpBlock(nn.Module):
    """Doubles the sides: upsampling, a 3 x 3 convolution, normalization and a gated linear unit.

    Args:
        before: channels of the input.
        after: channels of the output.
        size: (height, width) of the output.
        large: whether a second convolution follows, and noise is added after both.
        num_classes: number of classes of the conditional normalization; 0 for none.
    """

    def __init__(self, before: int, after: int, size: tuple[int, int], large: bool, num_classes: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([UpsampleConv(before, 2 * after, bias=False)])
        if large:
            self.convs.append(convolution(after, 2 * after, 3, padding=1))
        self.noise = nn.ModuleList([NoiseInjection(*size) if large else nn.Identity() for _ in self.convs])
        self.norms = nn.ModuleList([ConditionalBatchNorm(2 * after, num_classes) for _ in self.convs])

    def forward(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return feature maps (N, after, 2 H, 2 W) for ``maps`` (N, before, H, W)."""
        for conv, noise, norm in zip(self.convs, self.noise, self.norms, strict=True):
            maps = F.glu(norm(noise(conv(maps)), labels), dim=1)
        return maps


class FastGANGenerator(Generator):
    """A transposed convolution to the smallest map, blocks that double its sides, a 3 x 3 convolution and tanh.

    Excitations multiply the channels of a map by numbers from the map with a sixteenth of its side.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, less than 2048; or one
            number for a square.
        latent_dim: length of a latent vector.
        width: channels of the map with 128 pixels; a map with 4, 8, 16, 32, 64, 256, 512 and 1024 pixels has 16, 8, 4,
            2, 2, 1/2, 1/4 and 1/8 times as many.
        blocks: "alternating" for a large block, then a small one, and so on (see :class:`UpBlock`); "large" for large
            ones only, as in the code of projected GANs (Sauer et al., 2021); "small" for their light network.
        normalize_latent: whether to scale latent vectors to the same length, as there.
        num_classes: number of classes of the data.
        conditional: whether batch normalization has a gain and a bias for each class.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 256,
        width: int = 64,
        blocks: Blocks = "alternating",
        normalize_latent: bool = False,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        if blocks not in ("alternating", "large", "small"):
            raise ValueError(f"blocks is {blocks!r}; expected 'alternating', 'large' or 'small'")
        self.normalize_latent = normalize_latent
        smallest = doubled_map(size)
        widths = scaled_widths(width, G_MULTIPLES[: smallest.doublings + 1])
        self.start = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, 2 * widths[0], (smallest.height, smallest.width), bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(dim=1),
        )
        self.blocks = nn.ModuleList()
        for level in range(1, len(widths)):
            large = blocks == "large" or (blocks == "alternating" and level % 2 == 1)
            sides = (smallest.height << level, smallest.width << level)
            self.blocks.append(UpBlock(widths[level - 1], widths[level], sides, large, self.num_classes))
        # The authors' network has no excitation at 1024 pixels.
        self.sources = skips(0, min(smallest.doublings, 7), length=4)
        self.excitations = nn.ModuleDict(
            {str(to): Excitation(widths[at], widths[to], smallest, at) for to, at in self.sources.items()}
        )
        self.end = nn.Sequential(convolution(widths[-1], channels, 3, padding=1), nn.Tanh())
        self.apply(batch_norm_init)
        apply_spectral_norm(self)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.start[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        if self.normalize_latent:
            latent = latent * (latent.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        maps = [self.start(latent[:, :, None, None])]
        for level, block in enumerate(self.blocks, start=1):
            doubled = block(maps[-1], labels)
            if level in self.sources:
                doubled = self.excitations[str(level)](maps[self.sources[level]], doubled)
            maps.append(doubled)
        images: Tensor = self.end(maps[-1])
        return images
