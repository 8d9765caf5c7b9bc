"""CycleGAN's generator (Zhu et al., 2017, appendix 7.2; after Johnson et al., 2016), for multiples of 4 pixels."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.antialiasing import BlurDownsample, BlurUpsample
from lightning_gans.networks.base import Stage, check_positive
from lightning_gans.networks.encoding import EncodingTranslator
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, ReflectionConv2d, UpsampleConv, dcgan_init
from lightning_gans.networks.sizes import sides_divisible_by

ENCODED_BLOCK = 4
"""The residual block, from 0, at whose output the encoder ends: the fifth of nine (Park et al., 2020)."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with reflection padding, whose output is added to the input.

    Args:
        width: channels of the feature maps.
        norm: normalization after each convolution.
        dropout: probability to drop an activation between the convolutions, in [0, 1).
    """

    def __init__(self, width: int, norm: MakeNorm, dropout: float = 0.0) -> None:
        super().__init__()
        activation: nn.Module = nn.ReLU(inplace=True)
        if dropout:
            # Inside one layer, so that the names of the weights are the same with and without dropout.
            activation = nn.Sequential(activation, nn.Dropout(dropout))
        self.branch = nn.Sequential(
            ReflectionConv2d(width, width, 3, padding=1, bias=False),
            norm(width),
            activation,
            ReflectionConv2d(width, width, 3, padding=1, bias=False),
            norm(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, width, H, W)."""
        change: Tensor = self.branch(maps)
        return maps + change


class ResNetTranslator(EncodingTranslator):
    """A 7 x 7 convolution, two that halve the side, residual blocks, two that double it, a 7 x 7 one and tanh.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the images of the training in pixels, or one number for a square, multiples of 4; the
            network has the same layers for all sizes, and translates images of any height and width that are multiples
            of 4.
        blocks: number of residual blocks; in the paper 6 for 128 pixels and 9 for 256.
        width: channels of the largest feature map.
        norm: normalization of every layer but the last.
        upsample: whether to double the side by nearest-neighbor upsampling and a 3 x 3 convolution in place of a
            transposed convolution, which may show a checkerboard (Odena et al., 2016).
        dropout: probability to drop an activation in each residual block, in [0, 1). The paper has no dropout; the
            authors' code has it as an option, with .5.
        antialias_down: whether to halve the side by a convolution of stride 1 and a low-pass filter, as in CUT (Park
            et al., 2020).
        antialias_up: whether to double the side by bilinear interpolation and a 3 x 3 convolution, as in CUT.

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
        dropout: float = 0.0,
        antialias_down: bool = False,
        antialias_up: bool = False,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(blocks=blocks, width=width)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; expected a probability in [0, 1)")
        if upsample and antialias_up:
            raise ValueError("upsample and antialias_up are both true; expected at most one of them")
        sides_divisible_by(4, size)
        self.antialias_down, self.antialias_up = antialias_down, antialias_up
        layers: list[nn.Module] = [
            ReflectionConv2d(channels_in, width, 7, padding=3, bias=False),
            norm(width),
            nn.ReLU(inplace=True),
        ]
        for before in (width, 2 * width):
            stride = 1 if antialias_down else 2
            layers += [nn.Conv2d(before, 2 * before, 3, stride, 1, bias=False), norm(2 * before)]
            layers += [nn.ReLU(inplace=True), *([BlurDownsample()] if antialias_down else [])]
        layers += [ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for after in (2 * width, width):
            up = antialiased_upsampling if antialias_up else upsampling if upsample else transposed_convolution
            layers += [up(2 * after, after), norm(after), nn.ReLU(inplace=True)]
        layers += [ReflectionConv2d(width, channels_out, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        convolutions = [at for at, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
        self._blocks = [at for at, layer in enumerate(layers) if isinstance(layer, ResidualBlock)]
        self._encoded = sorted({*convolutions[1:3], self._blocks[0], self._blocks[: ENCODED_BLOCK + 1][-1]})
        self.encoded_channels = [channels_in, 2 * width, *[4 * width] * (len(self._encoded) - 1)]
        self.apply(dcgan_init)

    def stages(self) -> list[Stage]:
        """Return the layers in front of the residual blocks, each block, and the layers after them.

        The boundaries are where the feature maps are smallest.
        """
        before, after = self.layers[: self._blocks[0]], self.layers[self._blocks[-1] + 1 :]
        # The margin of the first stage: 3 pixels of the 7 x 7 convolution, 1 of the first 3 x 3 one, and 1 of the
        # second, which is 2 pixels of the image; a low-pass filter behind each of the two adds as much again. That of
        # the last stage: 1 pixel of each convolution; bilinear upsampling adds half a pixel and a quarter.
        smaller = Stage(before, 9 if self.antialias_down else 6, Fraction(1, 4), multiple=4)
        larger = Stage(after, 3 if self.antialias_up else 2, Fraction(4))
        return [smaller, *(Stage(self.layers[at], 2) for at in self._blocks), larger]

    def translate(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W), multiples of 4."""
        translated: Tensor = self.layers(images)
        return translated

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the images, the outputs of both convolutions that halve the side, and of two residual blocks.

        The blocks are the first and the fifth, or the last if there are fewer (Park et al., 2020, appendix). In CUT's
        network the convolutions have a stride of 1, and a low-pass filter halves the side.
        """
        maps, found = images, [images]
        for at in range(self._encoded[-1] + 1):
            maps = self.layers[at](maps)
            if at in self._encoded:
                found.append(maps)
        return found


def antialiased_upsampling(before: int, after: int) -> nn.Module:
    """Return layers that double the side by bilinear interpolation and a 3 x 3 convolution."""
    return nn.Sequential(BlurUpsample(), nn.Conv2d(before, after, 3, padding=1, bias=False))


def upsampling(before: int, after: int) -> nn.Module:
    """Return a layer that doubles the side by nearest-neighbor upsampling and a 3 x 3 convolution."""
    return UpsampleConv(before, after, bias=False)


def transposed_convolution(before: int, after: int) -> nn.Module:
    """Return a layer that doubles the side by a transposed convolution, as in the paper."""
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
