"""PatchGAN: a discriminator that judges every patch of an image by itself (Isola et al., 2017, section 3.2.2)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from lightning_gans.networks.arguments import check_widths
from lightning_gans.networks.base import PatchDiscriminator
from lightning_gans.networks.layers import BatchNorm, MakeNorm, apply_spectral_norm, dcgan_init

GROWTH = 8
"""A layer has at most this many times the first layer's channels."""


class PatchGAN(PatchDiscriminator):
    """4 x 4 convolutions with stride 2, two with stride 1, the last of which gives the logits.

    A logit sees a square of the image: 16 pixels with one strided layer, 34, 70 (the paper's choice), 142 and 286 with
    each further one (section 4.4).

    Args:
        channels: channels of what it is given.
        layers: layers with stride 2.
        width: channels of the first layer; each later one has twice as many, up to eight times.
        norm: normalisation of every layer but the first and the last.
        spectral_norm: divide each layer by its largest singular value as well (Miyato et al., 2018).

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        layers: int = 3,
        width: int = 64,
        norm: MakeNorm = BatchNorm,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        check_widths("model.discriminator", channels=channels, layers=layers, width=width)
        self.channels = channels
        widths = [width * min(2**level, GROWTH) for level in range(layers + 1)]
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for level, (before, after) in enumerate(pairwise(widths), start=1):
            stride = 2 if level < layers else 1
            stack += [nn.Conv2d(before, after, 4, stride, 1, bias=False), norm(after), nn.LeakyReLU(0.2, inplace=True)]
        stack.append(nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.layers = nn.Sequential(*stack)
        self.apply(dcgan_init)
        if spectral_norm:
            apply_spectral_norm(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 1, h, w) of ``images`` (N, channels, H, W); a side of 256 pixels gives 30 with three layers."""
        logits: Tensor = self.layers(images)
        return logits


class PixelGAN(PatchDiscriminator):
    """Judges every pixel by itself: three 1 x 1 convolutions (section 4.4).

    Args:
        channels: channels of what it is given.
        width: channels of the first layer; the second has twice as many.
        norm: normalisation of the second layer.
        spectral_norm: divide each layer by its largest singular value as well.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, width: int = 64, norm: MakeNorm = BatchNorm, spectral_norm: bool = False) -> None:
        super().__init__()
        check_widths("model.discriminator", channels=channels, width=width)
        self.channels = channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 1, bias=False),
            norm(2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * width, 1, 1),
        )
        self.apply(dcgan_init)
        if spectral_norm:
            apply_spectral_norm(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 1, H, W) of ``images`` (N, channels, H, W)."""
        logits: Tensor = self.layers(images)
        return logits
