"""The synthesis network of StyleGAN2's generator, from styles to images (Karras et al., 2020, sections 2.2 and 4)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.precision import at_least_float32, autocast_off, autocasts_to_float16
from lightning_gans.core.randomness import normal_per_image
from lightning_gans.networks.resampling import LowPass, Upsample
from lightning_gans.networks.sizes import SmallestMap
from lightning_gans.networks.stylegan2_layers import (
    ACTIVATION_GAIN,
    RESIDUAL_GAIN,
    SLOPE,
    EqualizedConv2d,
    EqualizedLinear,
    clamp_float16,
)

Architecture = Literal["original", "skip", "residual"]
"""How the maps of different sizes are connected beside the main path (figure 7): not at all, by images that are
upsampled and added, or by residual blocks."""


def check_architecture(architecture: str) -> None:
    """Check that an architecture exists.

    Raises:
        ValueError: if not.
    """
    if architecture not in ("original", "skip", "residual"):
        raise ValueError(f"architecture is {architecture!r}; expected 'original', 'skip' or 'residual'")


class ModulatedConv2d(nn.Module):
    r"""A convolution whose weights are multiplied, for each image, by a style for each input channel.

    The demodulation divides the weights of each output channel by their norm, so that the output has unit variance if
    the input has (eq. 1 and 3): :math:`w''_{ijk} = s_i w_{ijk} / \sqrt{\sum_{i,k} (s_i w_{ijk})^2 + \epsilon}`.

    Here the maps are multiplied by the styles before an ordinary convolution and by the demodulation after it, which
    is the same. The norms are the root of a matrix product of the squared styles and the squared weights. The other
    form is a convolution with weights of its own for each image, in a group for each. On a CPU it takes 22 times as
    long for 256 channels of 4 x 4, and .9 times as long for 64 channels of 64 x 64 (``benchmarks/modulation.py``); and
    it cannot be exported for batches of any size.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        style_dim: length of w, of which the style is an affine function that starts near 1.
        up: whether to double the sides: a transposed convolution, then a low-pass filter.
        gain: factor of the output.
    """

    def __init__(
        self, channels_in: int, channels_out: int, style_dim: int, up: bool = False, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.affine = EqualizedLinear(style_dim, channels_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, 3, 3))
        self.low_pass = LowPass(padding=1, gain=4.0) if up else None
        self.gain = gain

    def forward(self, maps: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Return the convolution of modulated maps, and the factors (N, channels_out, 1, 1) that demodulate it.

        Args:
            maps: (N, channels_in, H, W).
            style: w (N, style_dim).
        """
        may_overflow = autocasts_to_float16(maps.device)
        with autocast_off(maps.device):
            style = self.affine(style)
            weight: Tensor = self.weight
            if may_overflow:
                # The demodulation divides these factors out again, except for epsilon.
                largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
                weight = weight / (largest * math.sqrt(weight[0].numel()))
                style = style / style.abs().amax(dim=1, keepdim=True)
            squares = style.square() @ weight.square().sum(dim=(2, 3)).T
            factors = self.gain * (squares + 1e-8).rsqrt()[:, :, None, None]
        maps = maps * style[:, :, None, None].to(maps.dtype)
        if self.low_pass is None:
            maps = F.conv2d(maps, weight, padding=1)
        else:
            maps = self.low_pass(F.conv_transpose2d(maps, weight.transpose(0, 1), stride=2))
        return maps, factors.to(maps.dtype)


class StyledLayer(nn.Module):
    """A modulated convolution, noise, a bias and LeakyReLU.

    The noise is the same for all channels and is multiplied by a trainable number, which starts at 0. In training mode
    it is drawn anew for each image in each pass; in evaluation mode it is the buffer ``noise``, so that an image
    depends on its styles only.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        size: (height, width) of the output.
        style_dim: length of w.
        up: whether to double the sides.
        gain: factor of the output.
    """

    noise: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: tuple[int, int],
        style_dim: int,
        up: bool = False,
        gain: float = ACTIVATION_GAIN,
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(channels_in, channels_out, style_dim, up, gain)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("noise", torch.randn(size))
        self.gain = gain

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """Return feature maps (N, channels_out, H', W') for ``maps`` (N, channels_in, H, W) and w (N, style_dim)."""
        maps, factors = self.conv(maps, style)
        noise = normal_per_image(len(maps), maps.device, 1, *self.noise.shape) if self.training else self.noise
        bias = (self.gain * self.bias)[:, None, None].to(maps.dtype)
        maps = torch.addcmul(bias, maps, factors) + (self.gain * self.strength * noise).to(maps.dtype)
        return clamp_float16(F.leaky_relu(maps, SLOPE, inplace=True))


class ToImage(nn.Module):
    """A modulated 1 x 1 convolution without demodulation, from feature maps to an image, and a bias.

    Args:
        channels_in: channels of the feature maps.
        channels: channels of the image.
        style_dim: length of w.
    """

    def __init__(self, channels_in: int, channels: int, style_dim: int) -> None:
        super().__init__()
        self.affine = EqualizedLinear(style_dim, channels_in, bias=1.0, gain=channels_in**-0.5)
        self.weight = nn.Parameter(torch.randn(channels, channels_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """Return images (N, channels, H, W), at least float32, for ``maps`` (N, channels_in, H, W)."""
        with autocast_off(maps.device):
            weight = self.weight.flatten(1) * self.affine(style)[:, None]
        # The weights of each image are few: this takes one pass over the maps, which are not multiplied first.
        pixels = weight.to(maps.dtype) @ maps.flatten(2)
        images = at_least_float32(clamp_float16(pixels)).view(*pixels.shape[:2], *maps.shape[2:])
        return images + self.bias[:, None, None]


class SynthesisBlock(nn.Module):
    """The layers of one size of maps: two styled ones, the first of which doubles the sides; of the smallest map one.

    Args:
        channels_in: channels of the input; None in the block of the smallest map.
        channels_out: channels of the output.
        channels: channels of the image.
        size: (height, width) of the output.
        style_dim: length of w.
        architecture: see :data:`Architecture`.
        last: whether the output is that of the largest map.
    """

    def __init__(
        self,
        channels_in: int | None,
        channels_out: int,
        channels: int,
        size: tuple[int, int],
        style_dim: int,
        architecture: Architecture,
        last: bool,
    ) -> None:
        super().__init__()
        residual = architecture == "residual" and channels_in is not None
        gain = ACTIVATION_GAIN * (RESIDUAL_GAIN if residual else 1)
        layers = [] if channels_in is None else [StyledLayer(channels_in, channels_out, size, style_dim, up=True)]
        layers.append(StyledLayer(channels_out, channels_out, size, style_dim, gain=gain))
        self.layers = nn.ModuleList(layers)
        self.shortcut = None
        if residual and channels_in is not None:
            # A 1 x 1 convolution and the filter commute; it needs a quarter of the operations before the upsampling.
            conv = EqualizedConv2d(channels_in, channels_out, 1, bias=False, gain=RESIDUAL_GAIN)
            self.shortcut = nn.Sequential(conv, Upsample())
        self.to_image = ToImage(channels_out, channels, style_dim) if last or architecture == "skip" else None
        self.upsample = Upsample()

    def forward(self, maps: Tensor, image: Tensor | None, styles: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the block's feature maps and the image of all blocks so far.

        Args:
            maps: those of the block before.
            image: the image of the blocks before, of the size of ``maps``; None if there is none.
            styles: w of each layer, (N, L, style_dim), of which the block uses the first ones.
        """
        shortcut = None if self.shortcut is None else self.shortcut(maps)
        for layer, style in zip(self.layers, styles.unbind(1), strict=False):
            maps = layer(maps, style)
        if shortcut is not None:
            maps = maps + shortcut
        if image is not None:
            with autocast_off(image.device):
                image = self.upsample(image)
        if self.to_image is not None:
            own = self.to_image(maps, styles[:, len(self.layers)])
            image = own if image is None else image + own
        return maps, image


class SynthesisNetwork(nn.Module):
    """A learned smallest map and a block for each size of maps.

    Args:
        channels: channels of the images.
        smallest: the smallest map.
        widths: channels of the maps, from the largest to the smallest.
        style_dim: length of w.
        architecture: see :data:`Architecture`.

    Attributes:
        layers: number of styles: one for each styled layer, and one for the last image.
    """

    def __init__(
        self, channels: int, smallest: SmallestMap, widths: list[int], style_dim: int, architecture: Architecture
    ) -> None:
        super().__init__()
        before: int | None = None
        self.constant = nn.Parameter(torch.randn(widths[-1], smallest.height, smallest.width))
        blocks = []
        for level, after in enumerate(reversed(widths)):
            size = (smallest.height << level, smallest.width << level)
            last = level == len(widths) - 1
            blocks.append(SynthesisBlock(before, after, channels, size, style_dim, architecture, last))
            before = after
        self.blocks = nn.ModuleList(blocks)
        self.layers = 2 * len(widths)

    def affine_layers(self) -> list[EqualizedLinear]:
        """Return the layer that makes the style of each w: those of the styled layers, and of the last image.

        With the architecture "skip" the images of smaller maps share the w of the layer after them.
        """
        parts = list(self.modules())
        *_, last = (part.affine for part in parts if isinstance(part, ToImage))
        return [*(part.conv.affine for part in parts if isinstance(part, StyledLayer)), last]

    def forward(self, styles: Tensor) -> Tensor:
        """Return images (N, channels, height, width) for ``styles`` (N, layers, style_dim)."""
        # `len` would make the batch size a constant of an export.
        maps = self.constant.expand(styles.shape[0], -1, -1, -1)
        image: Tensor | None = None
        for level, block in enumerate(self.blocks):
            # A block's image has the style of the first layer of the next block, as in the authors' code.
            maps, image = block(maps, image, styles[:, max(2 * level - 1, 0) :])
        assert image is not None
        return image
