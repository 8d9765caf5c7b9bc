"""PatchGAN: a discriminator with one logit for each patch of an image (Isola et al., 2017, sections 3.2.2 and 4.4)."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_gans.networks.antialiasing import BlurDownsample
from lightning_gans.networks.base import check_positive
from lightning_gans.networks.layered import LayeredPatchDiscriminator, PatchJudgment
from lightning_gans.networks.layers import BatchNorm, InstanceNorm, MakeNorm, apply_spectral_norm, dcgan_init

MAX_GROWTH = 8
"""Largest number of channels of a layer, as a multiple of the first layer's."""


class SequentialPatchDiscriminator(LayeredPatchDiscriminator):
    """Base class of patch discriminators of one scale whose ``layers`` follow one another.

    Attributes:
        layers: the layers, the last of which computes the logits.
    """

    layers: nn.Sequential

    def judge(self, images: Tensor) -> list[PatchJudgment]:
        """Return the logits of ``images`` (N, channels, H, W), and the features after each activation."""
        maps, features = images, []
        for layer in self.layers:
            maps = layer(maps)
            if isinstance(layer, nn.LeakyReLU):
                features.append(maps)
        return [PatchJudgment(maps, features)]


class PatchGAN(SequentialPatchDiscriminator):
    """4 x 4 convolutions with stride 2, then two with stride 1, the last of which outputs the logits.

    The receptive field of a logit is a square of 16 pixels with one layer of stride 2, and of 34, 70 (the paper's
    choice), 142 and 286 pixels with two to five (section 4.4).

    Args:
        channels: channels of the input.
        layers: number of layers with stride 2.
        width: channels of the first layer; each later one has twice as many as the one before, up to eight times.
        norm: normalization of every layer but the first and the last.
        spectral_norm: whether to apply spectral normalization (Miyato et al., 2018) as well.
        antialias: whether layers halve the side by a convolution of stride 1 and a low-pass filter, as in CUT (Park et
            al., 2020). The logits are as many, and the receptive field of one is larger.
        padding: zeros at each border of the input of a layer: 1, or 2 as in pix2pixHD, where there are more logits.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        layers: int = 3,
        width: int = 64,
        norm: MakeNorm = BatchNorm,
        spectral_norm: bool = False,
        antialias: bool = False,
        padding: int = 1,
    ) -> None:
        super().__init__(channels)
        check_positive(layers=layers, width=width)
        if padding not in (1, 2):
            raise ValueError(f"padding is {padding}; expected 1 or 2")

        def blur() -> list[nn.Module]:
            return [BlurDownsample()] if antialias else []

        halving = 1 if antialias else 2
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, halving, padding), activation(), *blur()]
        before = width
        for level in range(1, layers + 1):
            after = min(2 * before, MAX_GROWTH * width)
            stride = halving if level < layers else 1
            stack += [nn.Conv2d(before, after, 4, stride, padding, bias=False), norm(after), activation()]
            stack += blur() if level < layers else []
            before = after
        stack.append(nn.Conv2d(before, 1, 4, 1, padding))
        self.layers = nn.Sequential(*stack)
        self.apply(dcgan_init)
        if spectral_norm:
            apply_spectral_norm(self)


def activation() -> nn.Module:
    """Return a leaky rectifier."""
    return nn.LeakyReLU(0.2, inplace=True)


class InstanceNormPatchGAN(PatchGAN):
    """PatchGAN with instance normalization by default, the discriminator of CycleGAN (Zhu et al., 2017, appendix 7.2).

    Args:
        channels: channels of the images.
        layers: see :class:`PatchGAN`.
        width: see :class:`PatchGAN`.
        norm: see :class:`PatchGAN`.
        spectral_norm: see :class:`PatchGAN`.
        antialias: see :class:`PatchGAN`.
    """

    def __init__(
        self,
        channels: int,
        layers: int = 3,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        spectral_norm: bool = False,
        antialias: bool = False,
    ) -> None:
        super().__init__(channels, layers, width, norm, spectral_norm, antialias)


class PixelGAN(SequentialPatchDiscriminator):
    """Three 1 x 1 convolutions, whose logit of a pixel depends on this pixel alone (section 4.4).

    Args:
        channels: channels of the input.
        width: channels of the first layer; the second has twice as many.
        norm: normalization of the second layer.
        spectral_norm: whether to apply spectral normalization (Miyato et al., 2018) as well.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, width: int = 64, norm: MakeNorm = BatchNorm, spectral_norm: bool = False) -> None:
        super().__init__(channels)
        check_positive(width=width)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            activation(),
            nn.Conv2d(width, 2 * width, 1, bias=False),
            norm(2 * width),
            activation(),
            nn.Conv2d(2 * width, 1, 1),
        )
        self.apply(dcgan_init)
        if spectral_norm:
            apply_spectral_norm(self)
