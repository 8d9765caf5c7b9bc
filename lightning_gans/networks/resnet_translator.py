"""CycleGAN's generator (Zhu et al., 2017, appendix 7.2; after Johnson et al., 2016), and pix2pixHD's global one."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.antialiasing import BlurDownsample, BlurUpsample
from lightning_gans.networks.base import Stage, check_positive
from lightning_gans.networks.encoding import EncodingTranslator
from lightning_gans.networks.layers import (
    InstanceNorm,
    MakeNorm,
    ReflectionConv2d,
    UpsampleConv,
    check_dropout,
    dcgan_init,
)
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

    With ``halvings`` 4 it is the global generator of pix2pixHD (Wang et al., 2018, section 3.2).

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the images of the training in pixels, or one number for a square, multiples of
            4, or 2 ** ``halvings``; the network has the same layers for all sizes, and translates images of any height
            and width that are such multiples.
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
        halvings: how often the side is halved, and doubled again; the channels are doubled each time.

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
        halvings: int = 2,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(blocks=blocks, width=width, halvings=halvings)
        check_dropout(dropout)
        if upsample and antialias_up:
            raise ValueError("upsample and antialias_up are both true; expected at most one of them")
        sides_divisible_by(2**halvings, size)
        self.antialias_down, self.antialias_up, self.halvings = antialias_down, antialias_up, halvings
        widths = [width * 2**level for level in range(halvings + 1)]
        layers: list[nn.Module] = [
            ReflectionConv2d(channels_in, width, 7, padding=3, bias=False),
            norm(width),
            nn.ReLU(inplace=True),
        ]
        for before in widths[:-1]:
            stride = 1 if antialias_down else 2
            layers += [nn.Conv2d(before, 2 * before, 3, stride, 1, bias=False), norm(2 * before)]
            layers += [nn.ReLU(inplace=True), *([BlurDownsample()] if antialias_down else [])]
        layers += [ResidualBlock(widths[-1], norm, dropout) for _ in range(blocks)]
        for after in widths[-2::-1]:
            up = antialiased_upsampling if antialias_up else upsampling if upsample else transposed_convolution
            layers += [up(2 * after, after), norm(after), nn.ReLU(inplace=True)]
        layers += [ReflectionConv2d(width, channels_out, 7, padding=3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        convolutions = [at for at, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
        self._blocks = [at for at, layer in enumerate(layers) if isinstance(layer, ResidualBlock)]
        encoded_blocks = sorted({self._blocks[0], self._blocks[: ENCODED_BLOCK + 1][-1]})
        self._encoded = [*convolutions[1 : halvings + 1], *encoded_blocks]
        self.encoded_channels = [channels_in, *widths[1:], *widths[-1:] * len(encoded_blocks)]
        self.apply(dcgan_init)

    def stages(self) -> list[Stage]:
        """Return the layers in front of the residual blocks, each block, and the layers after them.

        The boundaries are where the feature maps are smallest.
        """
        before, after = self.layers[: self._blocks[0]], self.layers[self._blocks[-1] + 1 :]
        # The margin of the first stage: 3 pixels of the 7 x 7 convolution, 1 of the first 3 x 3 one, and 1 of each
        # further one, which is 2, 4 ... pixels of the image; a low-pass filter behind each adds as much again. That of
        # the last stage: 1 pixel of the first convolution, and less than another of all others together, whose pixels
        # are smaller; bilinear upsampling adds half a pixel, a quarter and so on.
        factor = 2**self.halvings
        margin = 3 + (factor - 1) * (2 if self.antialias_down else 1)
        smaller = Stage(before, margin, Fraction(1, factor), multiple=factor)
        larger = Stage(after, 3 if self.antialias_up else 2, Fraction(factor))
        return [smaller, *(Stage(self.layers[at], 2) for at in self._blocks), larger]

    def translate(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) of valid sides."""
        translated: Tensor = self.layers(images)
        return translated

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the images, the outputs of the convolutions that halve the side, and of two residual blocks.

        The blocks are the first and the fifth, or the last if there are fewer (Park et al., 2020, appendix). In CUT's
        network the convolutions have a stride of 1, and a low-pass filter halves the side.
        """
        return self._run(images, self._encoded[-1] + 1)[1]

    def translate_and_encode(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what :meth:`translate` and :meth:`encode` return, from one pass."""
        return self._run(images, len(self.layers))

    def _run(self, images: Tensor, count: int) -> tuple[Tensor, list[Tensor]]:
        """Return the output of the first layers, and the features."""
        maps, found = images, [images]
        for at in range(count):
            maps = self.layers[at](maps)
            if at in self._encoded:
                found.append(maps)
        return maps, found


def antialiased_upsampling(before: int, after: int) -> nn.Module:
    """Return layers that double the side by bilinear interpolation and a 3 x 3 convolution."""
    return nn.Sequential(BlurUpsample(), nn.Conv2d(before, after, 3, padding=1, bias=False))


def upsampling(before: int, after: int) -> nn.Module:
    """Return a layer that doubles the side by nearest-neighbor upsampling and a 3 x 3 convolution."""
    return UpsampleConv(before, after, bias=False)


def transposed_convolution(before: int, after: int) -> nn.Module:
    """Return a layer that doubles the side by a transposed convolution, as in the paper."""
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
