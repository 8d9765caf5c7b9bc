"""CycleGAN's generator (Zhu et al., 2017, appendix 7.2; after Johnson et al., 2016), for multiples of 4 pixels."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn

from lightning_gans.core.images import Size, square_side
from lightning_gans.networks.base import Stage, Translator, check_positive
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, ReflectionConv2d, UpsampleConv, dcgan_init
from lightning_gans.networks.sizes import sides_divisible_by


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with reflection padding, whose output is added to the input.

    Args:
        width: channels of the feature maps.
        norm: normalization after each convolution.
    """

    def __init__(self, width: int, norm: MakeNorm) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            ReflectionConv2d(width, width, 3, padding=1, bias=False),
            norm(width),
            nn.ReLU(inplace=True),
            ReflectionConv2d(width, width, 3, padding=1, bias=False),
            norm(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, width, H, W)."""
        change: Tensor = self.branch(maps)
        return maps + change


class ResNetTranslator(Translator):
    """A 7 x 7 convolution, two that halve the side, residual blocks, two that double it, a 7 x 7 one and tanh.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: height and width of the images of the training in pixels, a multiple of 4; the network has the same
            layers for all sizes, and translates images of any height and width that are multiples of 4.
        blocks: number of residual blocks; in the paper 6 for 128 pixels and 9 for 256.
        width: channels of the largest feature map.
        norm: normalization of every layer but the last.
        upsample: whether to double the side by nearest-neighbor upsampling and a 3 x 3 convolution in place of a
            transposed convolution, which may show a checkerboard (Odena et al., 2016).

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        blocks: int = 9,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        upsample: bool = False,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(blocks=blocks, width=width)
        sides_divisible_by(4, square_side(size))
        layers: list[nn.Module] = [
            ReflectionConv2d(channels_in, width, 7, padding=3, bias=False),
            norm(width),
            nn.ReLU(inplace=True),
        ]
        for before in (width, 2 * width):
            layers += [nn.Conv2d(before, 2 * before, 3, 2, 1, bias=False), norm(2 * before), nn.ReLU(inplace=True)]
        layers += [ResidualBlock(4 * width, norm) for _ in range(blocks)]
        for after in (2 * width, width):
            layers += [upsampling_layer(2 * after, after, upsample), norm(after), nn.ReLU(inplace=True)]
        layers += [ReflectionConv2d(width, channels_out, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def stages(self) -> list[Stage]:
        """Return the layers in front of the residual blocks, each block, and the layers after them.

        The boundaries are where the feature maps are smallest.
        """
        blocks = [at for at, layer in enumerate(self.layers) if isinstance(layer, ResidualBlock)]
        before, after = self.layers[: blocks[0]], self.layers[blocks[-1] + 1 :]
        # The margin of the first stage: 3 pixels of the 7 x 7 convolution, 1 of the first 3 x 3 one, and 1 of the
        # second, which is 2 pixels of the image.
        smaller, larger = Stage(before, 6, Fraction(1, 4), multiple=4), Stage(after, 2, Fraction(4))
        return [smaller, *(Stage(self.layers[at], 2) for at in blocks), larger]

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W), multiples of 4."""
        translated: Tensor = self.layers(images)
        return translated


def upsampling_layer(before: int, after: int, upsample: bool) -> nn.Module:
    """Return a layer that doubles the side: an :class:`.UpsampleConv`, or a transposed convolution."""
    if upsample:
        return UpsampleConv(before, after, bias=False)
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
