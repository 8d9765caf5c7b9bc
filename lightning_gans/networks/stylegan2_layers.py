"""The layers that both networks of StyleGAN2 consist of (Karras et al., 2018, 2019 and 2020).

Weights have an equalized learning rate (Karras et al., 2018, section 4.1): they are drawn from N(0, 1) and multiplied
in each pass by the standard deviation that other networks draw them with. So Adam, whose steps do not depend on the
size of gradients, moves all layers at the same relative speed.

The activations are LeakyReLU with slope 0.2, multiplied by the square root of 2, so that maps keep their size. The
factor is part of the weights and the bias, which is the same and takes no pass over the maps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.errors import at_least
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.networks.base import check_positive
from lightning_gans.networks.labels import one_hot

SLOPE = 0.2
"""Slope of every LeakyReLU for negative input."""

ACTIVATION_GAIN = math.sqrt(2)
"""Factor of every activation."""

RESIDUAL_GAIN = math.sqrt(0.5)
"""Factor of both summands of a residual block, whose sum then has the size of each."""

MAPPING_RATE = 0.01
"""Learning rate of the mapping network, as a multiple of that of the optimizer (Karras et al., 2019, appendix C)."""

LARGEST_FLOAT16 = 256.0
"""Bound of activations in float16, which would overflow (Karras et al., 2020, "Training Generative Adversarial Networks
with Limited Data", appendix D)."""


def map_widths(doublings: int, width: int | None, growth: int, widest: int) -> list[int]:
    """Return the channels of the feature maps, from the largest map to the smallest.

    Args:
        doublings: how often the sides of the smallest map are doubled.
        width: channels of the largest map; None for 64 with at most 7 doublings, 32 with 8, and so on.
        growth: channels of a map divided by those of the next larger one.
        widest: most channels of a map.

    Raises:
        ValueError: if a number is less than 1.
    """
    if width is None:
        width = max(64 >> max(doublings - 7, 0), 1)
    check_positive(width=width, growth=growth, widest=widest)
    return [min(width * growth**level, widest) for level in range(doublings + 1)]


def normalize(vectors: Tensor) -> Tensor:
    """Divide each vector (N, D) by the root of the mean of its squares."""
    return vectors * (vectors.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class ClampedLeakyReLU(nn.LeakyReLU):
    """LeakyReLU in place, whose output in float16 is limited to :data:`LARGEST_FLOAT16`."""

    def __init__(self) -> None:
        super().__init__(SLOPE, inplace=True)

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of ``input``, of the same shape."""
        return clamp_float16(super().forward(input))


def clamp_float16(maps: Tensor) -> Tensor:
    """Limit float16 values to :data:`LARGEST_FLOAT16`; return others as they are."""
    return maps.clamp(-LARGEST_FLOAT16, LARGEST_FLOAT16) if maps.dtype == torch.float16 else maps


class EqualizedLinear(nn.Linear):
    """A linear layer with equalized learning rate.

    Args:
        inputs: entries of the input.
        outputs: entries of the output.
        bias: initial value of the bias; None for no bias.
        gain: factor of the output.
        rate: learning rate as a multiple of that of the optimizer.
    """

    def __init__(
        self, inputs: int, outputs: int, bias: float | None = 0.0, gain: float = 1.0, rate: float = 1.0
    ) -> None:
        super().__init__(inputs, outputs, bias=bias is not None)
        self.weight_gain = gain * rate / math.sqrt(inputs)
        self.bias_gain = gain * rate
        nn.init.normal_(self.weight, std=1 / rate)
        if bias is not None:
            nn.init.constant_(self.bias, bias / rate)

    def forward(self, input: Tensor) -> Tensor:
        """Return (N, outputs) for ``input`` (N, inputs)."""
        bias = None if self.bias is None else self.bias * self.bias_gain
        return F.linear(input, self.weight * self.weight_gain, bias)


class EqualizedConv2d(nn.Conv2d):
    """A convolution with equalized learning rate; with stride 1, the output has the size of the input.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel_size: side of the kernel, 1 or 3.
        bias: whether to add a bias, which starts at 0.
        stride: 1; or 2, without padding, for a filtered input that is larger by 1 than twice the output.
        gain: factor of the output.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        bias: bool = True,
        stride: int = 1,
        gain: float = 1.0,
    ) -> None:
        padding = kernel_size // 2 if stride == 1 else 0
        super().__init__(channels_in, channels_out, kernel_size, stride, padding, bias=bias)
        self.weight_gain = gain / math.sqrt(channels_in * kernel_size**2)
        self.bias_gain = gain
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return feature maps (N, channels_out, H', W') for ``input`` (N, channels_in, H, W)."""
        bias = None if self.bias is None else self.bias * self.bias_gain
        return F.conv2d(input, self.weight * self.weight_gain, bias, self.stride, self.padding)


class MappingNetwork(nn.Module):
    """Dense layers from z, a label or both to w, in float32 also under mixed precision.

    z is normalized, and so is the embedding of the label, which is concatenated to it.

    Args:
        latent_dim: length of z; 0 for a network of the label alone.
        num_classes: number of classes; 0 for a network of z alone.
        style_dim: length of w, of the embedding and of all hidden layers.
        layers: number of dense layers.

    Raises:
        ValueError: if ``style_dim`` or ``layers`` is less than 1.
    """

    def __init__(self, latent_dim: int, num_classes: int, style_dim: int, layers: int) -> None:
        super().__init__()
        check_positive(style_dim=style_dim, mapping_layers=layers)
        self.num_classes = num_classes
        self.embed = EqualizedLinear(num_classes, style_dim) if num_classes else None
        before = latent_dim + (style_dim if num_classes else 0)
        dense: list[nn.Module] = []
        for _ in range(layers):
            dense.append(EqualizedLinear(before, style_dim, gain=ACTIVATION_GAIN, rate=MAPPING_RATE))
            dense.append(nn.LeakyReLU(SLOPE, inplace=True))
            before = style_dim
        self.layers = nn.Sequential(*dense)

    def forward(self, latent: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """Return w (N, style_dim).

        Args:
            latent: z (N, latent_dim); None in a network of the label alone.
            labels: as in :func:`.one_hot`; ignored without classes.

        Raises:
            ValueError: if ``labels`` is None, but there are classes.
        """
        weight = next(self.parameters())
        with autocast_off(weight.device):
            inputs = [] if latent is None else [normalize(at_least_float32(latent))]
            if self.embed is not None:
                inputs.append(normalize(self.embed(one_hot(labels, self.num_classes, weight.dtype))))
            mapped: Tensor = self.layers(torch.cat(inputs, dim=1))
            return mapped


class MinibatchStd(nn.Module):
    """Appends a map with the standard deviation over a group of images, the mean over channels and positions.

    D sees by it whether the images of a batch are as different as real ones (Karras et al., 2018, section 3). Groups
    consist of consecutive images, so that N processes compare the images that one process with the N-fold batch does;
    the authors' groups take every n-th image.

    Args:
        group_size: largest number of images of a group. A batch is divided into groups of the largest size from 2 on
            that it is a multiple of; if there is none, the batch is one group.

    Raises:
        ValueError: if ``group_size`` is less than 2.
    """

    def __init__(self, group_size: int) -> None:
        super().__init__()
        at_least("group_size", group_size, 2)
        self.group_size = group_size

    def forward(self, maps: Tensor) -> Tensor:
        """Return (N, C + 1, H, W) for ``maps`` (N, C, H, W)."""
        count, channels, height, width = maps.shape
        size = largest_divisor(count, range(2, self.group_size + 1)) or count
        groups = maps.reshape(-1, size, channels, height, width)
        spread = (groups.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        feature = spread.repeat_interleave(size).view(-1, 1, 1, 1).expand(-1, 1, height, width)
        return torch.cat([maps, feature], dim=1)


def largest_divisor(number: int, candidates: Iterable[int]) -> int:
    """Return the largest of the candidates that divides a number; 0 if there is none."""
    return max((candidate for candidate in candidates if number % candidate == 0), default=0)
