"""pix2pixHD's coarse-to-fine generator (Wang et al., 2018, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.core.images import Size, height_width
from lightning_gans.networks.base import Translator, check_positive
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, ReflectionConv2d, dcgan_init
from lightning_gans.networks.multi_scale import half_size
from lightning_gans.networks.resnet_translator import (
    ResidualBlock,
    ResNetTranslator,
    transposed_convolution,
    upsampling,
)
from lightning_gans.networks.sizes import sides_divisible_by


class LocalEnhancer(nn.Module):
    """Adds its features of the images to those of the coarser network, and continues at twice their sides.

    Args:
        channels: channels of the images.
        width: channels of the largest feature map; the features that are added have twice as many.
        blocks: number of residual blocks.
        norm: normalization of every layer but the last.
        upsample: see :class:`.ResNetTranslator`.
        channels_out: channels of the output images of the finest enhancer; None for a coarser one.
    """

    def __init__(
        self, channels: int, width: int, blocks: int, norm: MakeNorm, upsample: bool, channels_out: int | None
    ) -> None:
        super().__init__()
        self.down = nn.Sequential(
            ReflectionConv2d(channels, width, 7, padding=3, bias=False),
            norm(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False),
            norm(2 * width),
            nn.ReLU(inplace=True),
        )
        up = upsampling if upsample else transposed_convolution
        layers: list[nn.Module] = [ResidualBlock(2 * width, norm) for _ in range(blocks)]
        layers += [up(2 * width, width), norm(width), nn.ReLU(inplace=True)]
        if channels_out is not None:
            layers += [ReflectionConv2d(width, channels_out, 7, padding=3), nn.Tanh()]
        self.up = nn.Sequential(*layers)

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """Return feature maps (N, width, H, W), or translated images.

        Args:
            images: (N, channels, H, W) in [-1, 1].
            coarse: feature maps (N, 2 * width, H / 2, W / 2) of the coarser network.
        """
        maps: Tensor = self.up(self.down(images) + coarse)
        return maps


class CoarseToFineTranslator(Translator):
    """A global generator G1 at a fraction of the sides, and enhancers, each at twice the sides of the one before.

    G1 is a :class:`.ResNetTranslator` without its last layer, with the same names of its weights: train one with
    ``halvings``, ``blocks`` and ``width`` as here on images of half the sides first, and give its run as
    ``start_from``. The paper then trains the enhancer alone for some epochs, and all together afterwards: with
    ``freeze_g_steps`` of :class:`.FineTuning`.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the images in pixels, or one number for a square; multiples of
            2 ** (``enhancers`` + ``halvings``).
        enhancers: number of enhancers: 1 in the paper for 2048 x 1024 pixels, where G1 works on 1024 x 512.
        width: channels of the largest feature map of G1; an enhancer has half of those of the network before it.
        halvings: how often G1 halves the sides; 4 in the authors' code.
        blocks: number of residual blocks of G1.
        local_blocks: number of residual blocks of an enhancer.
        norm: normalization of every layer but the last.
        upsample: see :class:`.ResNetTranslator`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        enhancers: int = 1,
        width: int = 64,
        halvings: int = 4,
        blocks: int = 9,
        local_blocks: int = 3,
        norm: MakeNorm = InstanceNorm,
        upsample: bool = False,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(enhancers=enhancers, halvings=halvings, local_blocks=local_blocks, width=width)
        height, length = sides_divisible_by(2 ** (enhancers + halvings), height_width(size))
        if width % 2**enhancers:
            raise ValueError(f"width is {width}; expected a multiple of {2**enhancers} for {enhancers} enhancer(s)")
        coarse = height >> enhancers, length >> enhancers
        coarsest = ResNetTranslator(channels_in, channels_out, coarse, blocks, width, norm, upsample, halvings=halvings)
        self.layers = coarsest.layers[:-2]
        self.enhancers = nn.ModuleList(
            LocalEnhancer(
                channels_in,
                width >> number,
                local_blocks,
                norm,
                upsample,
                channels_out if number == enhancers else None,
            )
            for number in range(1, enhancers + 1)
        )
        self.apply(dcgan_init)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) of valid sides."""
        pyramid = [images]
        for _ in self.enhancers:
            pyramid.append(half_size(pyramid[-1]))
        maps: Tensor = self.layers(pyramid.pop())
        for enhancer in self.enhancers:
            maps = enhancer(pyramid.pop(), maps)
        return maps
